/** Real servers that much is sent to at a time: which of them rest, and that nobody misses anything. */
import { openPlainClient, type PlainClient } from '../support/plain-client.js'
import { RunningServices } from '../support/running-service.js'
import { startServer } from '../support/server-process.js'
import { assert, suite } from '../support/suite.js'
import { Writer } from '../support/writer.js'

const test = suite('resting')

const WRITERS = 8
/** Of each writer, before it is looked at whether the server has rested. */
const EDITS = 50
/** After as much nobody would doubt it. */
const BURSTS = 10

const services = new RunningServices()
test.after.each(() => services.end())

const restsOf = async (url: string): Promise<number> => {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  return Number(/^plenum_read_rests_total (\d+)$/m.exec(metrics)?.[1])
}

/** Everybody types at once in a space of their own, and waits until that is saved. @returns the rests in the end */
const restsWhileTyping = async (url: string, token: string): Promise<number> => {
  const clients: PlainClient[] = []
  for (let i = 0; i < WRITERS; i++) {
    const client = await openPlainClient(`${url.replace('http', 'ws')}/sync/resting-${i}`, token)
    clients.push(client)
    await client.message('welcome')
  }
  const writers = clients.map(() => new Writer())
  let rests = 0
  for (let burst = 1; burst <= BURSTS && rests === 0; burst++) {
    for (let i = 0; i < EDITS; i++) {
      for (const [j, client] of clients.entries()) client.send(writers[j]!.type('x'))
      // A turn of the event loop each, or what one sends is one read.
      await new Promise(resolve => setImmediate(resolve))
    }
    await Promise.all(clients.map(client => client.message('saved', ({ count }) => count === burst * EDITS)))
    rests = await restsOf(url)
  }
  for (const client of clients) client.terminate()
  return rests
}

const restsOfProcess = async (flags: readonly string[]): Promise<number> => {
  const server = await startServer({ flags })
  try {
    return await restsWhileTyping(server.url, await server.token('ann'))
  } finally {
    await server.dispose()
  }
}

test('[D59] a server of its own process rests while much comes, and all of it is saved', async () => {
  assert.ok((await restsOfProcess(['--read-interval', '20ms'])) > 0)
})

test('[D59] with an interval of 0 it never rests', async () => {
  assert.is(await restsOfProcess(['--read-interval', '0']), 0)
})

test('[D59] inside an application nobody makes it rest', async () => {
  const { url } = await services.serve({ readIntervalMs: 20 })
  assert.is(await restsWhileTyping(url, await services.token()), 0)
})

/**
 * What every peer does the same: reads its flags, says `listening <port>`, tells its memory when the bench asks over
 * IPC, and stops once, on SIGTERM or when asked. The server itself is the caller's.
 */
import { once } from 'node:events'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    data: { type: 'string', default: '.' },
    greeting: { type: 'string' },
  },
})

/** `--data`: the folder to keep documents in. `--greeting`: a file that the relay sends to whoever joins. */
export const { data: dataDir, greeting } = values

/**
 * @param {import('node:http').Server} httpServer not listening yet
 * @param {() => unknown} save resolves when everything is stored that the server stores at all
 */
export const runPeer = async (httpServer, save = () => {}) => {
  httpServer.listen(Number(values.port), '127.0.0.1')
  await once(httpServer, 'listening')

  let isStopping = false
  const stop = async () => {
    if (isStopping) return
    isStopping = true
    await save()
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop())
  process.on('message', ({ type }) => {
    if (type === 'stop') void stop()
    if (type === 'memory') process.send(memory())
  })
  // The bench has gone: nobody would end this process.
  process.on('disconnect', () => process.exit(0))
  if (process.send !== undefined && !process.connected) process.exit(0)

  console.log(`listening ${httpServer.address().port}`)
}

const memory = () => {
  if (global.gc === undefined) throw new Error('start with --expose-gc')
  // Finalizers of the first collection free what the second one finds.
  global.gc()
  global.gc()
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage()
  return { type: 'memory', rss, heapUsed, external, arrayBuffers }
}

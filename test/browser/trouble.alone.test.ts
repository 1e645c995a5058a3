/** The demo in real windows when things go wrong: nothing is lost, and nothing is called saved that is not. */
import { rm } from 'node:fs/promises'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { connectSpace, type SocketClass } from '../../client/index.js'
import type { Role } from '../../shared/roles.js'
import { DemoBench, noBrowser } from '../support/demo-suite.js'
import type { DemoWindow } from '../support/demo-window.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { assert, suite } from '../support/suite.js'

const test = suite('demo: trouble')
const bench = new DemoBench(test)

/** What the page keeps for opening without a server is there once its worker serves. */
const whenWorkerServes = async ({ page }: DemoWindow): Promise<void> => {
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}))
}

/** What a client that was never here gets. */
const freshText = async (server: ServerProcess, space: string): Promise<string> => {
  const doc = new Y.Doc()
  const token = await server.token('fresh', space, 'read')
  const connection = connectSpace({
    url: server.url,
    space,
    token,
    doc,
    WebSocket: WebSocket as unknown as SocketClass,
  })
  await connection.whenSynced()
  connection.close()
  return doc.getText('text').toString()
}

const troubleTitle = ({ page }: DemoWindow): Promise<string> =>
  page.$eval('#trouble-title', title => (title as HTMLElement).innerText)

test.skipIf(
  noBrowser,
  '[U6] what was written offline is there when the page is opened without a server, and saved when it is back',
  async () => {
    const { server } = bench
    const space = 'demo/offline'
    const context = await bench.context()
    const first = await bench.open({ space, context })
    await whenWorkerServes(first)
    await first.type('written online, ')
    await first.whenSaved('written online, ')
    await first.press('#offline')
    await first.whenConnection('offline')
    await first.type('written offline')
    await first.whenShown('Kept in this browser')
    await first.close()

    await server.kill9()
    const second = await bench.open({ space, context })
    await second.whenText('written online, written offline')
    await second.whenShown('Kept in this browser')
    assert.is(
      (await second.told()).some(({ save }) => save === 'saved'),
      false,
    )

    await server.start()
    await second.networkIsBack()
    await second.whenSaved('written offline')
    const barbara = await bench.open({ space, as: 'Barbara' })
    await barbara.whenText('written online, written offline')
  },
)

test.skipIf(
  noBrowser,
  '[U7] a server that is killed under somebody who types loses no keystroke, and nothing was called saved too early',
  async () => {
    const { server } = bench
    const space = 'demo/killed'
    const ada = await bench.open({ space })
    await ada.type('first. ')
    await ada.whenSaved('first. ')
    const words = Array.from({ length: 60 }, (_, index) => `word${index} `).join('')

    const typing = ada.type(words)
    await ada.whenTextHas('word20 ')
    await server.kill9()
    await typing
    await ada.whenConnection('offline')

    const claims = (await ada.told()).filter(({ save }) => save === 'saved').map(({ text }) => text)
    const other = await startServer({ dataDir: server.dataDir })
    const kept = await freshText(other, space)
    await other.dispose()
    assert.ok(claims.includes('first. '))
    for (const claim of claims) assert.ok(kept.startsWith(claim), `said to be saved: ${claim}\nkept: ${kept}`)

    await server.start()
    await ada.networkIsBack()
    await ada.whenSaved(words)
    assert.is(await ada.text(), `first. ${words}`)
    assert.is(await freshText(server, space), `first. ${words}`)
  },
)

test.skipIf(noBrowser, '[U8] a token that expires is replaced unseen', async () => {
  const space = 'demo/expiry'
  let asked = 0
  const ada = await bench.open({
    space,
    tokens: () => {
      asked++
      return bench.server.token('Ada', space, 'write', 2_000)
    },
  })
  await ada.type('before. ')
  await ada.whenSaved('before. ')

  const barbara = await bench.open({ space, as: 'Barbara' })
  while (asked < 4) await ada.page.waitForRequest(request => request.url().endsWith('/demo/token'))
  await ada.type('after.')
  await ada.whenSaved('before. after.')
  await barbara.whenText('before. after.')

  const states = (await ada.told()).map(({ connection }) => connection)
  assert.is(states.includes('needs-auth') || states.includes('closed'), false, states.join(' '))
  assert.is(await ada.page.$eval('#trouble', box => (box as HTMLElement).hidden), true)
})

test.skipIf(noBrowser, '[U9] whoever is turned away is told why, and the page tries no more', async () => {
  let asked = 0
  const ada = await bench.open({
    space: 'demo/secret',
    tokens: () => {
      asked++
      return bench.server.token('Ada', 'another/space')
    },
  })
  await ada.whenConnection('closed')

  assert.is(await troubleTitle(ada), 'You have no access to “demo/secret”')
  await ada.whenShown('Disconnected')
  await ada.whenShown('The server says: ')
  assert.is(asked, 1)
  assert.is(await ada.page.$eval('#second', link => (link as HTMLElement).hidden), false)
})

test.skipIf(noBrowser, '[U9] an invitation that is not good here says where to get one that is', async () => {
  const ada = await bench.open({ space: 'demo/door', tokens: async () => null })
  await ada.whenConnection('needs-auth')

  assert.is(await troubleTitle(ada), 'You are not signed in')
  await ada.whenShown('Open the one that it prints when it starts')
})

test.skipIf(
  noBrowser,
  '[U10] what the server refuses is shown with the reason, and can be discarded',
  async () => {
    const space = 'demo/refused'
    let role: Role = 'write'
    const ada = await bench.open({ space, tokens: () => bench.server.token('Ada', space, role) })
    await ada.type('allowed. ')
    await ada.whenSaved('allowed. ')
    await ada.press('#offline')
    await ada.whenConnection('offline')
    await ada.type('refused.')
    role = 'read'
    await ada.press('#offline')

    await ada.whenShown('Not accepted')
    assert.is(await troubleTitle(ada), 'Your last edits were not accepted')
    await ada.whenShown('this role may not edit')
    assert.is(await ada.text(), 'allowed. refused.')

    await ada.press('[data-way=discard]')
    await ada.page.waitForSelector('#sure[open]')
    await ada.press('#sure button[value=keep]')
    await ada.page.waitForSelector('#sure:not([open])')
    assert.is(await ada.text(), 'allowed. refused.')

    await ada.press('[data-way=discard]')
    await ada.page.waitForSelector('#sure[open]')
    await ada.press('#sure button[value=discard]')
    await ada.whenText('allowed. ')
    await ada.page.waitForSelector('#trouble[hidden]')
  },
)

/** As an operator does it who begins anew: another data folder under the same address. */
const reset = async (server: ServerProcess): Promise<void> => {
  await server.kill9()
  await rm(server.dataDir, { recursive: true })
  await server.start()
}

test.skipIf(
  noBrowser,
  '[U11] a server that was reset gets nothing before the person has said so',
  async () => {
    const { server } = bench
    const space = 'demo/reset'
    const ada = await bench.open({ space })
    const barbara = await bench.open({ space, as: 'Barbara' })
    await ada.type('from before. ')
    await ada.whenSaved('from before. ')
    await barbara.whenText('from before. ')
    await reset(server)
    await ada.whenShown('This space began anew')
    await barbara.whenShown('This space began anew')
    assert.is(await freshText(server, space), '')

    await ada.press('[data-way=merge]')
    await ada.whenSaved('from before. ')
    assert.is(await freshText(server, space), 'from before. ')

    await ada.type('and after.')
    await barbara.press('[data-way=discard]')
    await barbara.page.waitForSelector('#sure[open]')
    await barbara.press('#sure button[value=discard]')
    await barbara.whenText('from before. and after.')
    await barbara.whenSaved()
  },
)

/**
 * How long it takes `SpaceProvider` to get through, and to come back after its connection was cut: by the door that
 * it finds, on networks that let WebSockets through, refuse them, leave them without an answer, or hold back every
 * answer until it has ended. Each time an edit that was made meanwhile has to be saved.
 */
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { type SocketClass, SpaceProvider } from '../../client/index.js'
import { BreakingProxy, type ProxyManner } from '../load/breaking-proxy.js'
import { TEXT_NAME } from '../load/typist.js'
import { median } from '../statistics.js'
import { plenumToken } from '../targets/plenum.js'
import { type Figure, lower, type Workload } from '../workload.js'

const NETWORKS: readonly { readonly manner: ProxyManner; readonly title: string }[] = [
  { manner: 'open', title: 'WebSocket' },
  { manner: 'refusing', title: 'upgrades refused' },
  { manner: 'mute', title: 'upgrades unanswered' },
  { manner: 'buffering', title: 'answers held back' },
]

export const recovery: Workload = async ({ target, parameters, progress }) => {
  const server = await target.start()
  try {
    const port = Number(new URL((await server.address('x', 'x')).url).port)
    const figures: Record<string, Figure> = {}
    for (const { manner, title } of NETWORKS) {
      progress(title)
      const { firstMs, backMs } = await through(port, manner, parameters.clients)
      figures[`first connected, ${title}`] = lower(firstMs, 'ms')
      figures[`cut → edit saved, ${title}`] = lower(median(backMs), 'ms')
    }
    return figures
  } finally {
    await server.dispose()
  }
}

/** @param cuts one after the other */
const through = async (serverPort: number, manner: ProxyManner, cuts: number) => {
  const proxy = await BreakingProxy.open(serverPort, manner)
  const doc = new Y.Doc()
  const text = doc.getText(TEXT_NAME)
  const startMs = performance.now()
  const provider = new SpaceProvider(`ws://127.0.0.1:${proxy.port}/sync`, `recovery-${manner}`, doc, {
    token: await plenumToken('ada'),
    WebSocketPolyfill: WebSocket as unknown as SocketClass,
    disableBc: true,
  })
  try {
    await provider.whenSaved()
    const firstMs = performance.now() - startMs
    const backMs: number[] = []
    for (let cut = 0; cut < cuts; cut++) {
      text.insert(text.length, 'x')
      await provider.whenSaved()
      const lost = new Promise(resolve => provider.once('connection-close', resolve))
      const cutMs = performance.now()
      proxy.cut()
      await lost
      text.insert(text.length, 'y')
      await provider.whenSaved()
      backMs.push(performance.now() - cutMs)
    }
    return { firstMs, backMs }
  } finally {
    provider.destroy()
    await proxy.close()
  }
}

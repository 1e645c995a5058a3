/** The demo in a real window behind a proxy that blocks WebSockets. */
import { DemoBench, noBrowser } from '../support/demo-suite.js'
import { DemoWindow, demoUrl } from '../support/demo-window.js'
import { HostileProxy } from '../support/hostile-proxy.js'
import { assert, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const test = suite('demo: doors')
const bench = new DemoBench(test)

for (const [what, holdsBackStreams] of [
  ['blocks upgrades', false],
  ['blocks upgrades and holds back streams', true],
] as const) {
  test.skipIf(
    noBrowser,
    `[D54] behind a proxy that ${what} a window is connected, and what is written in it is saved`,
    { timeoutMs: 60_000 },
    async () => {
      const { server } = bench
      const proxy = await HostileProxy.open(server.port)
      try {
        Object.assign(proxy, { refusesUpgrades: true, holdsBackStreams })
        const space = `demo/doors-${holdsBackStreams ? 'poll' : 'stream'}`
        const direct = await bench.open({ space })
        await direct.whenConnection('connected')
        const url = (await demoUrl(server, 'Grace', space)).replace(`:${server.port}`, `:${proxy.port}`)
        const window = await DemoWindow.open(await bench.context(), url)
        await window.whenConnection('connected')
        await window.type('from behind the wall')
        await window.whenSaved('from behind the wall')
        await direct.whenText('from behind the wall')
        await until('a refused upgrade', () => proxy.refused > 0)
        assert.equal(
          window.complaints.filter(text => text.includes('Content Security Policy')),
          [],
        )
      } finally {
        await proxy.close()
      }
    },
  )
}

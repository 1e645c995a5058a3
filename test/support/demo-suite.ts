/** What every browser test begins with: a Chromium if there is one, a server with the demo, windows on it. */
import type { BrowserContext } from 'puppeteer'
import { findChromium, type RunningBrowser, startBrowser } from './browser.js'
import { DemoWindow, demoUrl, type WindowOptions } from './demo-window.js'
import { type ServerOptions, type ServerProcess, startServer } from './server-process.js'
import type { Suite } from './suite.js'

const found = await findChromium()

/** For `skipIf`: why no browser test can run here; null where they can. */
export const noBrowser = found.reason

export interface Visit extends WindowOptions {
  /** Who; Ada by default. */
  readonly as?: string
  readonly space?: string
  /** A browser profile that exists already; by default another one for each window. */
  readonly context?: BrowserContext
}

export class DemoBench {
  #running: RunningBrowser | null = null
  #server: ServerProcess | null = null
  readonly #contexts: BrowserContext[] = []

  /** @param test gets hooks that start what is needed, and end it for certain */
  constructor(test: Suite, options: ServerOptions = {}) {
    if (found.path === null) return
    const { path } = found
    test.before(async () => {
      this.#running = await startBrowser(path)
      this.#server = await startServer({ command: 'start', ...options })
    })
    test.after.each(async () => {
      for (const context of this.#contexts.splice(0)) await context.close()
    })
    test.after(async () => {
      await this.#running?.close()
      await this.#server?.dispose()
    })
  }

  get server(): ServerProcess {
    if (this.#server === null) throw new Error('no server')
    return this.#server
  }

  /** A browser profile of its own: nothing that was kept in another is in it. */
  async context(): Promise<BrowserContext> {
    if (this.#running === null) throw new Error('no browser')
    const context = await this.#running.browser.createBrowserContext()
    this.#contexts.push(context)
    return context
  }

  /** Spaces are shared by all tests of a file: give each its own. */
  async open({ as = 'Ada', space = 'demo', context, ...options }: Visit = {}): Promise<DemoWindow> {
    const url = await demoUrl(this.server, as, space)
    return DemoWindow.open(context ?? (await this.context()), url, options)
  }
}

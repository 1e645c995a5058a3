/** One window with the demo in it, as a person has it: what they see, what they do, and what the browser complains of. */
import type { BrowserContext, HTTPRequest, Page } from 'puppeteer'
import type { ServerProcess } from './server-process.js'
import { until } from './until.js'

/** What the page said at one moment. */
export interface Told {
  readonly save: string
  readonly connection: string
  readonly text: string
}

export interface WindowOptions {
  readonly width?: number
  readonly height?: number
  /** Device pixels for each pixel of the page. */
  readonly scale?: number
  readonly scheme?: 'light' | 'dark'
  /** Answers for the demo desk; null is an answer of "no". */
  readonly tokens?: () => Promise<string | null>
}

declare global {
  interface Window {
    told: Told[]
    textOfPage(): string
  }
}

const WAIT = { polling: 'mutation', timeout: 15_000 } as const

/** The address that the server printed, for another person or space. */
export const demoUrl = async (server: ServerProcess, name: string, space = 'demo'): Promise<string> => {
  const line = await until('the address is printed', () => server.log.find(line => line.includes('#space=')))
  return line.trim().replace(/space=[^&]*&as=[^&]*/, `space=${encodeURIComponent(space)}&as=${name}`)
}

export class DemoWindow {
  readonly page: Page
  /** Errors and warnings of the console, errors nobody caught, and what the content policy kept from happening. */
  readonly complaints: string[] = []

  private constructor(page: Page) {
    this.page = page
    page.on('console', message => {
      if (message.type() === 'error' || message.type() === 'warn') this.complaints.push(message.text())
    })
    page.on('pageerror', error => this.complaints.push(String(error)))
  }

  /** Opens it, without waiting for more than the page itself. */
  static async open(context: BrowserContext, url: string, options: WindowOptions = {}): Promise<DemoWindow> {
    const { width = 1280, height = 840, scale = 1, scheme = 'light', tokens } = options
    const page = await context.newPage()
    const opened = new DemoWindow(page)
    await page.setViewport({ width, height, deviceScaleFactor: scale })
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
    // Every window of a test believes that somebody looks at it.
    const session = await page.createCDPSession()
    await session.send('Emulation.setFocusEmulationEnabled', { enabled: true })
    if (tokens !== undefined) await answerForDesk(page, tokens)
    await page.evaluateOnNewDocument(record)
    await page.goto(url, { waitUntil: 'load' })
    return opened
  }

  text(): Promise<string> {
    return this.page.evaluate(() => window.textOfPage())
  }

  /** At the end of the text. */
  async type(text: string): Promise<void> {
    await this.page.focus('.cm-content')
    await this.page.keyboard.down('Control')
    await this.page.keyboard.press('End')
    await this.page.keyboard.up('Control')
    await this.page.keyboard.type(text)
  }

  press(selector: string): Promise<void> {
    return this.page.$eval(selector, element => (element as HTMLElement).click())
  }

  async whenText(expected: string): Promise<void> {
    await this.#until(() => this.page.waitForFunction(text => window.textOfPage() === text, WAIT, expected))
  }

  async whenTextHas(part: string): Promise<void> {
    await this.#until(() => this.page.waitForFunction(part => window.textOfPage().includes(part), WAIT, part))
  }

  /** The browser finds the network back: the next attempt need not wait for its time. */
  networkIsBack(): Promise<void> {
    return this.page.evaluate(() => {
      dispatchEvent(new Event('online'))
    })
  }

  /** When it says that the text with this in it is saved. */
  async whenSaved(part = ''): Promise<void> {
    const isSaved = (part: string): boolean =>
      document.querySelector('#save[data-save=saved]') !== null && window.textOfPage().includes(part)
    await this.#until(() => this.page.waitForFunction(isSaved, WAIT, part))
  }

  async whenConnection(state: string): Promise<void> {
    await this.#until(() => this.page.waitForSelector(`#connection[data-connection=${state}]`, WAIT))
  }

  /** When this is shown, anywhere on the page. */
  async whenShown(text: string): Promise<void> {
    const isShown = (text: string): boolean => document.body.innerText.includes(text)
    await this.#until(() => this.page.waitForFunction(isShown, WAIT, text))
  }

  /** What it said of connection and saving at each change of the page since it was opened, and the text then. */
  told(): Promise<Told[]> {
    return this.page.evaluate(() => window.told)
  }

  close(): Promise<void> {
    return this.page.close()
  }

  async #until(wait: () => Promise<unknown>): Promise<void> {
    try {
      await wait()
    } catch (cause) {
      const shown = await this.page.evaluate(() => document.body.innerText).catch(String)
      const complaints = this.complaints.join('\n')
      throw new Error(`the window shows:\n${shown}\nand complains:\n${complaints}`, { cause })
    }
  }
}

/** Runs in the page, before its own scripts. */
const record = (): void => {
  window.told = []
  window.textOfPage = () => {
    const lines = [...document.querySelectorAll('.cm-line')].map(line => {
      const copy = line.cloneNode(true) as HTMLElement
      for (const extra of copy.querySelectorAll('.caret, .cm-placeholder, .cm-widgetBuffer')) extra.remove()
      return copy.textContent ?? ''
    })
    return lines.join('\n')
  }
  const note = (): void => {
    const save = document.getElementById('save')?.dataset.save ?? ''
    const connection = document.getElementById('connection')?.dataset.connection ?? ''
    window.told.push({ save, connection, text: window.textOfPage() })
  }
  // The editor reads what the browser typed in an observer, too: note what it has made of it.
  new MutationObserver(() => queueMicrotask(note)).observe(document, {
    attributes: true,
    attributeFilter: ['data-save', 'data-connection'],
    characterData: true,
    childList: true,
    subtree: true,
  })
}

const answerForDesk = async (page: Page, tokens: () => Promise<string | null>): Promise<void> => {
  const answer = async (request: HTTPRequest): Promise<void> => {
    const token = await tokens()
    const body = JSON.stringify(token === null ? { code: 'unauthenticated' } : { token })
    await request.respond({ status: token === null ? 401 : 200, contentType: 'application/json', body })
  }
  await page.setRequestInterception(true)
  page.on('request', request => {
    const isForDesk = request.method() === 'POST' && request.url().endsWith('/demo/token')
    void (isForDesk ? answer(request) : request.continue())
  })
}

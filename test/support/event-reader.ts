/** Reads a stream of server-sent events as they come, and keeps them; also what is no event. */
import { until } from './until.js'

export interface StreamEvent {
  readonly event: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it as it likes
  readonly data: any
  readonly id: string | null
}

export class EventReader {
  readonly response: Response
  readonly events: StreamEvent[] = []
  /** The id from which to go on. */
  lastId = ''
  comments = 0
  isEnded = false
  readonly #abort: AbortController

  constructor(response: Response, abort: AbortController) {
    this.response = response
    this.#abort = abort
  }

  /** The events of one name so far. */
  named(name: string): StreamEvent[] {
    return this.events.filter(({ event }) => event === name)
  }

  /** The first event of this name that satisfies the test, also among those before. */
  async event(name: string, isWanted: (event: StreamEvent) => boolean = () => true): Promise<StreamEvent> {
    const find = (): StreamEvent | undefined => this.named(name).find(isWanted)
    await until(`the event ${name}`, () => find() !== undefined)
    return find() as StreamEvent
  }

  async ended(): Promise<void> {
    await until('the stream ends', () => this.isEnded)
  }

  /** Goes, as a program does that is killed. */
  abort(): void {
    this.#abort.abort()
  }

  async read(): Promise<void> {
    let rest = ''
    const decoder = new TextDecoder()
    try {
      for await (const chunk of this.response.body as unknown as AsyncIterable<Uint8Array>) {
        rest += decoder.decode(chunk, { stream: true })
        const blocks = rest.split('\n\n')
        rest = blocks.pop() as string
        for (const block of blocks) this.#take(block)
      }
    } catch {
      // It was ended from either side; what came before is kept.
    }
    this.isEnded = true
  }

  #take(block: string): void {
    const fields = new Map<string, string>()
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':')
      fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ''))
    }
    const id = fields.get('id') ?? null
    if (id !== null) this.lastId = id
    if (fields.has('')) this.comments++
    const event = fields.get('event')
    if (event !== undefined) this.events.push({ event, id, data: JSON.parse(fields.get('data') as string) })
  }
}

/** Resolves when it answers; a stream is read from then on. */
export const readEvents = async (url: string, headers: Record<string, string>): Promise<EventReader> => {
  const abort = new AbortController()
  const response = await fetch(url, { headers, signal: abort.signal })
  const reader = new EventReader(response, abort)
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) void reader.read()
  return reader
}

/**
 * Reads a text stream of events (HTML standard, "event stream interpretation"), whatever the boundaries at which it
 * arrives. Ids and retry times mean nothing here.
 */

export interface StreamEvent {
  /** Empty where it has none. */
  readonly name: string
  readonly data: string
}

export class EventParser {
  #line = ''
  #isAfterReturn = false
  #name = ''
  #data: string[] = []

  /** @returns the events that are complete now */
  feed(text: string): StreamEvent[] {
    const events: StreamEvent[] = []
    // A line feed that a carriage return announced ends no second line.
    let from = this.#isAfterReturn && text.startsWith('\n') ? 1 : 0
    if (text !== '') this.#isAfterReturn = text.endsWith('\r')
    for (const { 0: end, index } of text.matchAll(/\r\n|\n|\r/g)) {
      if (index < from) continue
      this.#endLine(this.#line + text.slice(from, index), events)
      this.#line = ''
      from = index + end.length
    }
    this.#line += text.slice(from)
    return events
  }

  #endLine(line: string, events: StreamEvent[]): void {
    if (line === '') {
      if (this.#name !== '' || this.#data.length > 0) {
        events.push({ name: this.#name, data: this.#data.join('\n') })
      }
      this.#name = ''
      this.#data = []
      return
    }
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.#name = value
    if (field === 'data') this.#data.push(value)
  }
}

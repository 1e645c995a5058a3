/** Server-sent events as text (WHATWG HTML, "Server-sent events"): one block each, data in one line of JSON. */

export const eventText = (name: string, data: unknown, id: string | null = null): string =>
  `event: ${name}\ndata: ${JSON.stringify(data)}\n${id === null ? '' : `id: ${id}\n`}\n`

/** Moves the id from which whoever comes back goes on, and is no event. */
export const idText = (id: string): string => `id: ${id}\n\n`

/** A sign of life that no reader sees as an event. */
export const BEAT_TEXT = ': beat\n\n'

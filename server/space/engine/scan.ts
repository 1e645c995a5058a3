/**
 * Finds the structs of each client in an update that we stored ourselves: checksummed, and checked when it came
 * from outside. So it only reads past what it does not want, which makes it several times faster than `readUpdate`;
 * from whatever bytes, it ends, and stays within them.
 * Format source: yjs 13.6 `encoding.js`, `Item.js`, `DeleteSet.js`; lib0 `decoding.js`.
 */

import { ANY, CONTENT, INFO, STRUCT, TYPE } from './update-format.js'

/** The structs of one client. */
export interface Section {
  readonly client: number
  readonly clock: number
  /** The clock behind the last. */
  readonly end: number
  readonly count: number
  /** They are the bytes from…to of the update. */
  readonly from: number
  readonly to: number
}

export interface Scanned {
  readonly sections: readonly Section[]
  /** Where the delete set begins. */
  readonly deletionsFrom: number
}

export type OnDeleted = (client: number, clock: number, length: number) => void

/** Deeper values than these are not let in. */
const MAX_DEPTH = 256

/**
 * @param onDeleted is told of structs that are nothing but a deletion; null where nobody wants to know
 * @returns null where it leaves clocks out, or is no update
 */
export const scanUpdate = (update: Uint8Array, onDeleted: OnDeleted | null): Scanned | null => {
  const cursor = new Cursor(update)
  const sections: Section[] = []
  for (let left = cursor.varUint(); left > 0; left--) {
    const count = cursor.varUint()
    const client = cursor.varUint()
    const clock = cursor.varUint()
    const from = cursor.at
    let end = clock
    for (let s = 0; s < count; s++) {
      const info = update[cursor.at++]
      if (info === undefined) return null
      const content = info & INFO.content
      if (content === STRUCT.skip) return null
      const length = content === STRUCT.gc ? cursor.varUint() : cursor.item(info, content)
      if (content <= CONTENT.deleted) onDeleted?.(client, end, length)
      end += length
    }
    if (!(cursor.at <= update.length)) return null
    sections.push({ client, clock, end, count, from, to: cursor.at })
  }
  return { sections, deletionsFrom: cursor.at }
}

/** Tells of each range of an update's delete set. @returns whether the update ends there */
export const scanDeletions = (update: Uint8Array, from: number, onDeleted: OnDeleted): boolean => {
  const cursor = new Cursor(update)
  cursor.at = from
  cursor.deletions(onDeleted)
  return cursor.at === update.length
}

class Cursor {
  at = 0
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  varUint(): number {
    const bytes = this.#bytes
    let byte = bytes[this.at++]!
    if (!(byte >= 0x80)) return byte
    let value = byte & 0x7f
    let factor = 128
    do {
      byte = bytes[this.at++]!
      value += (byte & 0x7f) * factor
      factor *= 128
    } while (byte >= 0x80)
    return value
  }

  /** @returns how many clocks it takes */
  item(info: number, content: number): number {
    const hasOrigin = (info & INFO.hasOrigin) !== 0
    const hasRightOrigin = (info & INFO.hasRightOrigin) !== 0
    if (hasOrigin) this.#skipNumbers(2)
    if (hasRightOrigin) this.#skipNumbers(2)
    if (!hasOrigin && !hasRightOrigin) {
      if (this.varUint() === 1) this.#skipBytes()
      else this.#skipNumbers(2)
      if ((info & INFO.hasParentSub) !== 0) this.#skipBytes()
    }
    switch (content) {
      case CONTENT.string:
        return this.#text()
      case CONTENT.deleted:
        return this.varUint()
      case CONTENT.format:
        this.#skipBytes()
        this.#skipBytes()
        return 1
      case CONTENT.type: {
        const type = this.varUint()
        if (type === TYPE.xmlElement || type === TYPE.xmlHook) this.#skipBytes()
        return 1
      }
      case CONTENT.json: {
        const count = this.varUint()
        for (let i = 0; i < count && this.#isInside; i++) this.#skipBytes()
        return count
      }
      case CONTENT.any: {
        const count = this.varUint()
        for (let i = 0; i < count && this.#isInside; i++) this.#skipAny(0)
        return count
      }
      case CONTENT.binary:
      case CONTENT.embed:
        this.#skipBytes()
        return 1
      case CONTENT.doc:
        this.#skipBytes()
        this.#skipAny(0)
        return 1
      default:
        return this.#giveUp()
    }
  }

  deletions(onDeleted: OnDeleted): void {
    for (let left = this.varUint(); left > 0 && this.#isInside; left--) {
      const client = this.varUint()
      for (let ranges = this.varUint(); ranges > 0 && this.#isInside; ranges--) {
        const clock = this.varUint()
        onDeleted(client, clock, this.varUint())
      }
    }
  }

  get #isInside(): boolean {
    return this.at < this.#bytes.length
  }

  /** Beyond the end nothing more is read, and the reading counts as failed. */
  #giveUp(): number {
    this.at = Number.POSITIVE_INFINITY
    return 0
  }

  #skipNumbers(count: number): void {
    const bytes = this.#bytes
    for (let left = count; left > 0; left--) while (bytes[this.at++]! >= 0x80);
  }

  #skipBytes(): void {
    const length = this.varUint()
    this.at += length
  }

  /** @returns its length in UTF-16 code units */
  #text(): number {
    const bytes = this.#bytes
    const length = this.varUint()
    const end = this.at + length
    if (!(end <= bytes.length)) return this.#giveUp()
    let units = length
    for (let i = this.at; i < end; i++) {
      const byte = bytes[i]!
      if (byte < 0x80) continue
      // Four bytes are two units, every other character is one.
      if (byte < 0xc0) units--
      else if (byte >= 0xf0) units++
    }
    this.at = end
    return units
  }

  /** A value as lib0 writes it. */
  #skipAny(depth: number): void {
    const tag = depth > MAX_DEPTH ? undefined : this.#bytes[this.at++]
    switch (tag) {
      case ANY.undefined:
      case ANY.null:
      case ANY.false:
      case ANY.true:
        return
      case ANY.integer:
        this.#skipNumbers(1)
        return
      case ANY.float32:
        this.at += 4
        return
      case ANY.float64:
      case ANY.bigint:
        this.at += 8
        return
      case ANY.string:
      case ANY.bytes:
        this.#skipBytes()
        return
      case ANY.object: {
        for (let left = this.varUint(); left > 0 && this.#isInside; left--) {
          this.#skipBytes()
          this.#skipAny(depth + 1)
        }
        return
      }
      case ANY.array: {
        for (let left = this.varUint(); left > 0 && this.#isInside; left--) this.#skipAny(depth + 1)
        return
      }
      default:
        this.#giveUp()
    }
  }
}

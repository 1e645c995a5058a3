/**
 * A WebSocket whose document updates go out only as far as they are released, in order: a slow link under the
 * test's control. Also tells when everything that was sent has been taken by the operating system.
 */
import { WebSocket } from 'ws'
import { MESSAGE, SYNC } from '../../shared/protocol/messages.js'

interface Held {
  readonly isUpdate: boolean
  send(): void
}

export class SlowLink {
  /** How many updates may have passed; by default all. */
  #released = Number.POSITIVE_INFINITY
  #passed = 0
  readonly #held: Held[] = []
  #underWay = 0
  #onIdle: (() => void)[] = []

  /** From here on updates are counted, and none passes. */
  hold(): void {
    this.#released = 0
    this.#passed = 0
  }

  /** Lets updates pass up to this many since `hold`. */
  release(updates: number): void {
    this.#released = Math.max(this.#released, updates)
    this.#passHeld()
  }

  /** Nothing overtakes a held update: what a client sends by itself, such as a renewal, waits behind it. */
  put(isUpdate: boolean, send: () => void): void {
    this.#held.push({ isUpdate, send })
    this.#passHeld()
  }

  #passHeld(): void {
    for (let first = this.#held[0]; first !== undefined; first = this.#held[0]) {
      if (first.isUpdate && this.#passed >= this.#released) return
      if (first.isUpdate) this.#passed++
      this.#held.shift()
      first.send()
    }
  }

  /** Called with each frame, before and after it is written. */
  count(by: 1 | -1): void {
    this.#underWay += by
    if (this.#underWay > 0) return
    for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  get underWay(): number {
    return this.#underWay
  }

  async untilIdle(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>(resolve => this.#onIdle.push(resolve))
  }
}

/** The WebSocket class of a provider whose frames go over this link. */
export const socketOver = (link: SlowLink): (new (url: string, protocols?: string | string[]) => WebSocket) =>
  class HeldSocket extends WebSocket {
    override send(frame: Uint8Array): void {
      link.put(frame[0] === MESSAGE.sync && frame[1] === SYNC.update, () => {
        link.count(1)
        super.send(frame, () => link.count(-1))
      })
    }
  }

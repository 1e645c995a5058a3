/**
 * What the connections of a door share for sending: payloads put into the door's form once, and an end of the tick at
 * which everybody who held frames back lets them go, so that one socket's frames leave in one system call.
 */

/** Somebody who holds frames back. */
export interface Holder {
  /** Lets them go; does nothing where there are none. */
  release(): void
}

export class Outlet<Frames> {
  readonly frames: Frames
  #holders: Holder[] = []

  constructor(frames: Frames) {
    this.frames = frames
  }

  /** `release` is called once what runs now has ended, before the event loop looks at anything else. */
  hold(holder: Holder): void {
    if (this.#holders.push(holder) === 1) process.nextTick(this.#releaseAll)
  }

  readonly #releaseAll = (): void => {
    const holders = this.#holders
    this.#holders = []
    for (const holder of holders) holder.release()
  }
}

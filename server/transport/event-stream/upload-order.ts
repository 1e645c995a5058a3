/**
 * The order of a session's POSTs: each number counts once, and only after the one before it. A number that comes again
 * while its body still arrives takes the place of the first, whose connection may be dead; while it is handled it
 * waits for the same end.
 */
import { PlenumError } from '../../../shared/errors.js'

export interface Upload {
  /** Whether the session still takes anything. */
  isOpen(): boolean
  /** The whole body; rejects where it does not come to its end. */
  read(): Promise<Uint8Array>
  /** Resolves once all of it was handed on. */
  handle(body: Uint8Array): Promise<void>
}

/** A number is missing. */
export class OutOfOrder extends PlenumError {
  readonly expected: number

  constructor(expected: number) {
    super('out_of_order')
    this.expected = expected
  }
}

interface UnderWay {
  /** Null once its body is complete. */
  supersede: (() => void) | null
  readonly ended: Promise<void>
}

/** Requests of one session that wait for their turn, at most. */
const MAX_WAITING = 4

export class UploadOrder {
  /** The last number that was handled. */
  #last = 0
  #underWay: UnderWay | null = null
  #waiting = 0

  /**
   * Resolves once everything up to this number was handled.
   * @throws out_of_order, no_session, rate_limited, or what reading and handling reject with
   */
  async take(number: number, upload: Upload): Promise<void> {
    while (number > this.#last) {
      if (!upload.isOpen()) throw new PlenumError('no_session')
      const expected = this.#last + 1
      const current = this.#underWay
      if (number > expected && (current === null || number > expected + 1)) throw new OutOfOrder(expected)
      if (current === null) {
        await this.#run(number, upload)
        return
      }
      if (number === expected && current.supersede !== null) current.supersede()
      else await this.#wait(current)
    }
  }

  async #wait({ ended }: UnderWay): Promise<void> {
    if (this.#waiting >= MAX_WAITING) throw new PlenumError('rate_limited', 'too many requests at once')
    this.#waiting++
    await ended
    this.#waiting--
  }

  async #run(number: number, upload: Upload): Promise<void> {
    let hasEnded = (): void => {}
    const ended = new Promise<void>(resolve => {
      hasEnded = resolve
    })
    const underWay: UnderWay = { supersede: null, ended }
    const isSuperseded = new Promise<never>((_, reject) => {
      underWay.supersede = () => {
        this.#underWay = null
        hasEnded()
        reject(new OutOfOrder(number))
      }
    })
    this.#underWay = underWay
    try {
      const body = await Promise.race([upload.read(), isSuperseded])
      // Another may have taken its place between the end of the body and now.
      if (this.#underWay !== underWay) throw new OutOfOrder(number)
      underWay.supersede = null
      await upload.handle(body)
      this.#last = number
    } finally {
      if (this.#underWay === underWay) this.#underWay = null
      hasEnded()
    }
  }
}

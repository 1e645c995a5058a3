/**
 * What one connection's document messages have come to, so that message 101 is never a lie. Messages are
 * numbered from 1 as they arrive; each that is handled waits at a log position; one that was discarded holds
 * everything from it on until the reply to a later step 1 is durable; nothing passes a refused one. The k-th
 * step 2 of a connection answers the k-th step 1 that it was sent.
 */
export class AckLedger {
  #received = 0
  #step1Sent = 0
  /** Step 1 that were answered. */
  #replies = 0
  /**
   * Handled and waiting for their position to be durable, ascending in both. Null where none is: an empty list would
   * be old when something is put into it, and the collector is slow to free what an old object held.
   */
  #waiting: { number: number; position: number }[] | null = null
  #savedCount = 0
  /** Set while a discarded message holds acks: the step 1 whose reply brings it again. */
  #holdUntilReply: number | null = null
  /** The first message that was refused. */
  #refused: number | null = null

  /** Document messages 1…`savedCount` are durable or needed no effect. */
  get savedCount(): number {
    return this.#savedCount
  }

  /** A message was refused: the sender's later updates build on what is not here. */
  get isDiverged(): boolean {
    return this.#refused !== null
  }

  /** Whether the message was refused, or was sent after one that was. */
  isRefused(number: number): boolean {
    return this.#refused !== null && number >= this.#refused
  }

  /** Whether something was discarded whose step 1 has not been sent yet. */
  get needsStep1(): boolean {
    return this.#holdUntilReply !== null && this.#holdUntilReply > this.#step1Sent
  }

  sentStep1(): void {
    this.#step1Sent++
  }

  /** @returns the message's number, and which step 1 it answers: 0 for an update, and for a step 2 without one */
  received(kind: 'step2' | 'update'): { number: number; reply: number } {
    this.#received++
    if (kind === 'update' || this.#replies === this.#step1Sent) return { number: this.#received, reply: 0 }
    this.#replies++
    return { number: this.#received, reply: this.#replies }
  }

  /** The message took effect, or needed none, at this append position of the log. */
  handled(number: number, reply: number, position: number): void {
    if (this.isRefused(number)) return
    if (this.#holdUntilReply !== null) {
      if (reply < this.#holdUntilReply) return
      this.#holdUntilReply = null
    }
    const last = this.#waiting?.at(-1)
    if (last?.position === position) last.number = number
    else if (this.#waiting === null) this.#waiting = [{ number, position }]
    else this.#waiting.push({ number, position })
  }

  /**
   * The message was dropped, and the sender has its content. A step 1 that this connection has not answered
   * yet is answered behind the dropped message, so its reply will hold the content again.
   * @param handledReplies how many step 1 this connection had answered when the message arrived, itself included
   */
  discarded(handledReplies: number): void {
    this.#holdUntilReply = Math.max(this.#holdUntilReply ?? 0, handledReplies + 1)
  }

  /** How many step 1 were answered so far: what `discarded` wants to know of each message. */
  get replies(): number {
    return this.#replies
  }

  /** The message was refused for good: acks end before it. */
  rejected(number: number): void {
    this.#refused = Math.min(this.#refused ?? number, number)
  }

  /** @returns whether `savedCount` grew */
  durable(position: number): boolean {
    if (this.#waiting === null) return false
    let count = this.#savedCount
    let passed = 0
    for (const entry of this.#waiting) {
      if (entry.position > position) break
      count = entry.number
      passed++
    }
    if (passed === this.#waiting.length) this.#waiting = null
    else if (passed > 0) this.#waiting = this.#waiting.slice(passed)
    const grew = count > this.#savedCount
    this.#savedCount = count
    return grew
  }
}

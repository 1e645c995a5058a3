/** Whether a space may be written: not while its engine is kept from it for a while, and never in quarantine. */
export class Writability {
  #isQuarantined: boolean
  /** On the clock that never jumps; null where it may. */
  #suspendedUntilMs: number | null = null

  constructor(isQuarantined: boolean) {
    this.#isQuarantined = isQuarantined
  }

  get isReadOnly(): boolean {
    return this.#isQuarantined || this.#suspendedUntilMs !== null
  }

  get isQuarantined(): boolean {
    return this.#isQuarantined
  }

  quarantine(): void {
    this.#isQuarantined = true
  }

  suspend(untilMs: number): void {
    this.#suspendedUntilMs = untilMs
  }

  /** @returns whether it may be written again from now on */
  sweep(elapsedMs: number): boolean {
    if (this.#suspendedUntilMs === null || elapsedMs < this.#suspendedUntilMs) return false
    this.#suspendedUntilMs = null
    return !this.#isQuarantined
  }
}

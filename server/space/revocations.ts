/**
 * Who may not enter, whatever their tokens say: the one place that is asked. All of them are in memory, as few as they
 * are, so that nobody comes in between a question and its answer; what is told here is on disk.
 */
import { PlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { Catalogue, StoredRevocation } from './catalogue.js'

/** Null stands for every space. */
type Place = SpaceName | null

export class Revocations {
  readonly #catalogue: Catalogue
  readonly #places = new Map<Place, Map<string, StoredRevocation>>()
  #reading: Promise<void> | null = null
  #isKnown = false

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue
  }

  /** @throws revoked; load_failed where it is not known who is */
  async expectWelcome(space: SpaceName, user: string): Promise<void> {
    if (!this.#isKnown) await this.#known()
    this.expectStillWelcome(space, user)
  }

  /** For who was welcome a moment ago. @throws revoked */
  expectStillWelcome(space: SpaceName, user: string): void {
    const isRevoked = this.#places.get(null)?.has(user) || this.#places.get(space)?.has(user)
    if (isRevoked) throw new PlenumError('revoked')
  }

  /** @throws load_failed */
  async of(place: Place): Promise<readonly StoredRevocation[]> {
    if (!this.#isKnown) await this.#known()
    return [...(this.#places.get(place)?.values() ?? [])]
  }

  /** @throws degraded, load_failed: then nothing has changed here */
  async revoke(revocation: StoredRevocation): Promise<void> {
    if (!this.#isKnown) await this.#known()
    await this.#catalogue.revoke(revocation)
    this.#keep(revocation)
  }

  /** @throws degraded, load_failed: then nothing has changed here */
  async reinstate(place: Place, user: string): Promise<void> {
    if (!this.#isKnown) await this.#known()
    await this.#catalogue.reinstate(place, user)
    const users = this.#places.get(place)
    users?.delete(user)
    if (users?.size === 0) this.#places.delete(place)
  }

  /** Read once; where that fails, the next who asks tries again. */
  #known(): Promise<void> {
    this.#reading ??= this.#read().catch(error => {
      this.#reading = null
      throw error
    })
    return this.#reading
  }

  async #read(): Promise<void> {
    for (const revocation of await this.#catalogue.revocations()) this.#keep(revocation)
    this.#isKnown = true
  }

  #keep(revocation: StoredRevocation): void {
    const users = this.#places.get(revocation.space) ?? new Map<string, StoredRevocation>()
    this.#places.set(revocation.space, users)
    if (!users.has(revocation.user)) users.set(revocation.user, revocation)
  }
}

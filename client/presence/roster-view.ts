/**
 * Who is in a space and who was, from what the server tells. What it returns never changes; something else takes its
 * place exactly when something is different, and members that are not different stay the same objects.
 */
import type { Roster } from '../../shared/protocol/index.js'
import { inOrder, isSameMember, type Member, memberFrom, outOfSight } from './member.js'

export interface Presence {
  readonly members: readonly Member[]
  /** Null before the server has listed one. */
  readonly self: Member | null
  /** Whether the server keeps this up to date. Where it does not, nobody is called `here`. */
  readonly isLive: boolean
  /** Where it is not live: when the server was last heard, ms since 1970 on its clock. Null if never. */
  readonly asOf: number | null
}

const NOBODY: Presence = Object.freeze({ members: Object.freeze([]), self: null, isLive: false, asOf: null })

export class RosterView {
  readonly #onChange: () => void
  #self = ''
  readonly #members = new Map<string, Member>()
  #presence = NOBODY

  /** @param onChange told when `presence` is another one */
  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  get presence(): Presence {
    return this.#presence
  }

  get(user: string): Member | null {
    return this.#members.get(user) ?? null
  }

  /** A connection begins. @param self the user that this client is */
  begin(self: string): void {
    this.#self = self
  }

  take({ isWhole, members, forgotten }: Roster): void {
    const { isLive } = this.#presence
    // Said of a list that was never told.
    if (!isWhole && !isLive) return
    const gone = isWhole ? new Set(this.#members.keys()) : new Set(forgotten)
    let isChanged = false
    for (const listed of members) {
      gone.delete(listed.user)
      if (this.#put(memberFrom(listed, this.#self))) isChanged = true
    }
    for (const user of gone) if (this.#members.delete(user)) isChanged = true
    if (isChanged || !isLive) this.#show(isChanged, true, null)
  }

  /** The connection ended. @param asOf when the server was last heard, on its clock */
  lose(asOf: number | null): void {
    if (!this.#presence.isLive) return
    let isChanged = false
    for (const member of this.#members.values()) if (this.#put(outOfSight(member))) isChanged = true
    this.#show(isChanged, false, asOf)
  }

  #put(member: Member): boolean {
    const before = this.#members.get(member.user)
    if (before !== undefined && isSameMember(before, member)) return false
    this.#members.set(member.user, member)
    return true
  }

  #show(isChanged: boolean, isLive: boolean, asOf: number | null): void {
    const members = isChanged
      ? Object.freeze([...this.#members.values()].sort(inOrder))
      : this.#presence.members
    this.#presence = Object.freeze({ members, self: this.get(this.#self), isLive, asOf })
    this.#onChange()
  }
}

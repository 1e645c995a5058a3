/**
 * When the next group is committed. A commit costs a sync and a disk page or two, however little is in it: after a
 * pause it goes at once, and while edits trickle in it waits, so that several share one and each is still
 * acknowledged within 50 ms. Whoever waits for an answer before going on is not made to wait. Pure.
 */

/** From the start of one commit to the start of the next but one commit's own time: how old an unsaved edit gets. */
const PERIOD_MS = 40
/** So much is worth a commit of its own: its cost is small beside theirs. */
const ENOUGH_EDITS = 64
const ENOUGH_BYTES = 64 * 1024
/** How soon after an acknowledgement those who waited for it are back. */
const RETURN_MS = 6
const RETURN_PER_EDIT_MS = 0.2
/** Edits that were held for so long, and nothing came after them: their authors wait for us. */
const SILENCE_MS = 20
/** Even so they are held back once in so many commits: a steady author may keep time with the disk by chance. */
const TRUSTED_COMMITS = 256

/** What waits for a commit. Times here are on the clock that never jumps. */
export interface Gathered {
  readonly edits: number
  readonly bytes: number
  readonly oldestMs: number
  readonly newestMs: number
}

export interface Commit {
  readonly startMs: number
  readonly endMs: number
  readonly gathered: Gathered
}

export interface CommitPace {
  readonly last: Commit | null
  /**
   * For how many more commits those who edit are taken to wait for the acknowledgement before they go on; 0 where
   * they do not seem to.
   */
  readonly trust: number
}

export const FIRST_PACE: CommitPace = { last: null, trust: TRUSTED_COMMITS }

export const NOTHING_GATHERED: Gathered = { edits: 0, bytes: 0, oldestMs: 0, newestMs: 0 }

export const gather = (
  gathered: Gathered,
  more: { readonly edits: number; readonly bytes: number },
  nowMs: number,
): Gathered => ({
  edits: gathered.edits + more.edits,
  bytes: gathered.bytes + more.bytes,
  oldestMs: gathered.edits === 0 ? nowMs : gathered.oldestMs,
  newestMs: nowMs,
})

/** Milliseconds to wait from `nowMs`; 0 means at once. To be asked again when more has gathered. */
export const commitDelayMs = ({ last, trust }: CommitPace, gathered: Gathered, nowMs: number): number => {
  if (last === null || gathered.edits >= ENOUGH_EDITS || gathered.bytes >= ENOUGH_BYTES) return 0
  if (trust > 0 && areAllBack(last, gathered, nowMs)) return 0
  const tookMs = last.endMs - last.startMs
  return Math.max(0, last.startMs + PERIOD_MS - tookMs - nowMs)
}

/** As many as were just acknowledged came at once afterwards. */
const areAllBack = (last: Commit, { edits }: Gathered, nowMs: number): boolean =>
  edits >= last.gathered.edits && nowMs - last.endMs <= RETURN_MS + last.gathered.edits * RETURN_PER_EDIT_MS

export const afterCommit = ({ trust }: CommitPace, commit: Commit): CommitPace => ({
  last: commit,
  trust: shownTrust(commit) ?? Math.max(0, trust - 1),
})

/** What holding edits back has shown: who merely types goes on meanwhile. Null where none were held. */
const shownTrust = ({ startMs, gathered: { oldestMs, newestMs } }: Commit): number | null => {
  if (startMs - oldestMs < SILENCE_MS) return null
  return startMs - newestMs >= SILENCE_MS ? TRUSTED_COMMITS : 0
}

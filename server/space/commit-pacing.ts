/**
 * When the next group is committed. A commit costs a sync and a disk page or two, however little is in it: after a
 * pause it goes at once, and while edits trickle in it waits, so that several share one and each is still
 * acknowledged within 50 ms. Whoever waits for an answer before going on is not made to wait. Pure.
 */

/** From the start of one commit to the start of the next but one commit's own time: how old an unsaved edit gets. */
const PERIOD_MS = 40
/** So much is worth a commit of its own: its cost is small beside theirs. */
const ENOUGH_EDITS = 128
const ENOUGH_BYTES = 64 * 1024
/** How soon after an acknowledgement those who waited for it are back: on a fast machine, and on a busy one. */
const RETURN_MS = 6
const RETURN_PER_EDIT_MS = 0.2
const LATE_RETURN_MS = 25
/** Edits that were held for so long, and nothing came after them: their authors wait for us. */
const SILENCE_MS = 20
/** Who was silent so often in a row is believed, for so many commits: a steady author is silent by chance. */
const PROVING_SILENCES = 3
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
  /** How often in a row authors who were held back were silent. */
  readonly silences: number
  /** For how many more commits authors are taken to wait for the acknowledgement before they go on. */
  readonly trust: number
}

export const FIRST_PACE: CommitPace = { last: null, silences: 0, trust: TRUSTED_COMMITS }

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
export const commitDelayMs = (pace: CommitPace, gathered: Gathered, nowMs: number): number => {
  const { last } = pace
  if (last === null || gathered.edits >= ENOUGH_EDITS || gathered.bytes >= ENOUGH_BYTES) return 0
  const areAllBack = gathered.edits >= last.gathered.edits && nowMs - last.endMs <= returnMs(pace)
  if (areAllBack && pace.trust > 0) return 0
  const tookMs = last.endMs - last.startMs
  return Math.max(0, last.startMs + PERIOD_MS - tookMs - nowMs)
}

const returnMs = ({ last, silences }: CommitPace): number =>
  silences >= PROVING_SILENCES ? LATE_RETURN_MS : RETURN_MS + (last?.gathered.edits ?? 0) * RETURN_PER_EDIT_MS

export const afterCommit = ({ silences, trust }: CommitPace, commit: Commit): CommitPace => {
  const { oldestMs, newestMs } = commit.gathered
  const wereHeld = commit.startMs - oldestMs >= SILENCE_MS
  if (!wereHeld) return { last: commit, silences, trust: Math.max(0, trust - 1) }
  // Who merely types goes on meanwhile.
  if (commit.startMs - newestMs < SILENCE_MS) return { last: commit, silences: 0, trust: 0 }
  const isProven = silences + 1 >= PROVING_SILENCES
  return { last: commit, silences: silences + 1, trust: isProven ? TRUSTED_COMMITS : trust }
}

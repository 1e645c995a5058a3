/**
 * Others' states as the server told them: they stay until it says that they left, however long nothing is said of
 * them and however long this page was frozen. What something else here removes is asked for again.
 */
import type { Awareness } from 'y-protocols/awareness'
import type { Clock } from '../channel/clock.js'

export interface AwarenessChanges {
  readonly added: readonly number[]
  readonly updated: readonly number[]
  readonly removed: readonly number[]
}

export interface SteadyStatesOptions {
  /** Of what the connection itself changes. */
  readonly origin: unknown
  readonly clock: Clock
  /** Whether there is a server that would say so if somebody left. */
  isLive(): boolean
  /** Asks the server who is there. */
  ask(): void
}

export interface SteadyStates {
  /** @param apply applies what the server sent */
  receive(apply: () => void): void
  /** For the event `update` of the awareness. */
  changed(changes: AwarenessChanges, origin: unknown): void
  /** Everybody was forgotten, or the connection is closed. */
  clear(): void
}

/** As often as a stock client says again that it is there: whatever here removes it goes on doing so. */
const ASK_EVERY_MS = 15_000

export const steadyStates = (awareness: Awareness, options: SteadyStatesOptions): SteadyStates => {
  const { origin, clock, isLive, ask } = options
  const { clientID, meta, states } = awareness
  /** Who was removed since the server was last heard. */
  const gone = new Set<number>()
  let isReceiving = false
  let askedAtMs = Number.NEGATIVE_INFINITY
  let cancelAsk: (() => void) | null = null

  /** y-protocols takes whoever was not updated for 30 s for gone: what the server stands for is as of now. */
  const keep = (id: number): void => {
    let heardMs = Date.now()
    meta.set(id, {
      clock: meta.get(id)?.clock ?? 0,
      get lastUpdated() {
        if (isLive()) heardMs = Date.now()
        return heardMs
      },
    })
  }
  const askSoon = (): void => {
    // Not within the event: its other listeners still look at what was removed.
    cancelAsk ??= clock.after(Math.max(0, askedAtMs + ASK_EVERY_MS - clock.now()), () => {
      cancelAsk = null
      if (!isLive()) return
      askedAtMs = clock.now()
      ask()
    })
  }
  return {
    receive: apply => {
      // The server need not say it with a later clock.
      for (const id of gone) if (!states.has(id)) meta.delete(id)
      gone.clear()
      isReceiving = true
      try {
        apply()
      } finally {
        isReceiving = false
      }
    },
    changed: ({ added, updated, removed }, by) => {
      const others = removed.filter(id => id !== clientID)
      for (const id of others) gone.add(id)
      if (by !== origin) {
        if (others.length > 0 && isLive()) askSoon()
      } else if (isReceiving) {
        for (const id of added) if (id !== clientID) keep(id)
        for (const id of updated) if (id !== clientID) keep(id)
      }
    },
    clear: () => {
      gone.clear()
      cancelAsk?.()
      cancelAsk = null
    },
  }
}

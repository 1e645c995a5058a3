/**
 * Awareness over one connection: sends the local state and applies what comes in. Entries of other clients are
 * never sent back, and when the connection ends they are removed here.
 */
import * as awarenessProtocol from 'y-protocols/awareness'

type Awareness = awarenessProtocol.Awareness

interface Changes {
  readonly added: readonly number[]
  readonly updated: readonly number[]
  readonly removed: readonly number[]
}

export interface AwarenessRelay {
  /** Announces the local state, and from now on each change of it. */
  start(): void
  /** Once more, unless there is no local state. */
  announce(): void
  /** Applies what the server sent. @throws what `applyAwarenessUpdate` throws */
  receive(entries: Uint8Array): void
  /** As if nobody else had ever been heard of: what is said of them next counts, whatever its clock. */
  forgetOthers(): void
  close(): void
}

/** @param origin what listeners of the awareness see as the origin of changes from this connection */
export const relayAwareness = (
  awareness: Awareness,
  origin: unknown,
  send: (entries: Uint8Array) => void,
): AwarenessRelay => {
  const { clientID } = awareness
  const announce = (): void => send(awarenessProtocol.encodeAwarenessUpdate(awareness, [clientID]))
  const announceState = (): void => {
    if (awareness.getLocalState() !== null) announce()
  }
  // Whatever the origin: an entry about ourselves that comes from the server asks for a fresh announcement.
  const onUpdate = ({ added, updated, removed }: Changes): void => {
    if ([...added, ...updated, ...removed].includes(clientID)) announce()
  }
  const forgetOthers = (): void => {
    const others = [...awareness.meta.keys()].filter(id => id !== clientID)
    awarenessProtocol.removeAwarenessStates(awareness, others, origin)
    for (const id of others) awareness.meta.delete(id)
  }
  return {
    start: () => {
      awareness.on('update', onUpdate)
      announceState()
    },
    announce: announceState,
    receive: entries => awarenessProtocol.applyAwarenessUpdate(awareness, entries, origin),
    forgetOthers,
    close: () => {
      awareness.off('update', onUpdate)
      forgetOthers()
    },
  }
}

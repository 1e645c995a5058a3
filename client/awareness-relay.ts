/**
 * Awareness over one connection: sends the local state and applies what comes in. Entries of other clients are
 * never sent back, and when the connection ends they are removed here.
 */
import * as awarenessProtocol from 'y-protocols/awareness'
import { type AwarenessChanges, type SteadyStatesOptions, steadyStates } from './presence/steady-states.js'

type Awareness = awarenessProtocol.Awareness

export interface AwarenessRelay {
  /** Announces the local state, and from now on each change of it. */
  start(): void
  /** Once more, unless there is no local state. */
  announce(): void
  /** Applies what the server sent. @throws what `applyAwarenessUpdate` throws */
  receive(entries: Uint8Array): void
  /** Applies what a tab sent, which holds for as long as tabs renew it. @throws as `receive` */
  receiveFromTab(entries: Uint8Array): void
  /** As if nobody else had ever been heard of: what is said of them next counts, whatever its clock. */
  forgetOthers(): void
  close(): void
}

/** `origin` is what listeners of the awareness see as the origin of changes from this connection. */
export interface AwarenessRelayOptions extends SteadyStatesOptions {
  send(entries: Uint8Array): void
}

export const relayAwareness = (awareness: Awareness, options: AwarenessRelayOptions): AwarenessRelay => {
  const { clientID } = awareness
  const { origin, send } = options
  const others = steadyStates(awareness, options)
  const announce = (): void => send(awarenessProtocol.encodeAwarenessUpdate(awareness, [clientID]))
  const announceState = (): void => {
    if (awareness.getLocalState() !== null) announce()
  }
  const onUpdate = (changes: AwarenessChanges, by: unknown): void => {
    const { added, updated, removed } = changes
    others.changed(changes, by)
    // Whatever the origin: an entry about ourselves that comes from the server asks for a fresh announcement.
    if ([...added, ...updated, ...removed].includes(clientID)) announce()
  }
  const apply = (entries: Uint8Array): void =>
    awarenessProtocol.applyAwarenessUpdate(awareness, entries, origin)
  const forgetOthers = (): void => {
    const ids = [...awareness.meta.keys()].filter(id => id !== clientID)
    awarenessProtocol.removeAwarenessStates(awareness, ids, origin)
    for (const id of ids) awareness.meta.delete(id)
    others.clear()
  }
  return {
    start: () => {
      awareness.on('update', onUpdate)
      // Nobody takes a first state at clock 0: those who set none would be seen after 15 s only.
      if (awareness.meta.get(clientID)?.clock === 0) awareness.setLocalState(awareness.getLocalState())
      else announceState()
    },
    announce: announceState,
    receive: entries => others.receive(() => apply(entries)),
    receiveFromTab: apply,
    forgetOthers,
    close: () => {
      awareness.off('update', onUpdate)
      forgetOthers()
    },
  }
}

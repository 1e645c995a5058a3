/**
 * Opens a room for what stands inside of it, and closes it with it. One room for each server, space and user: mounted
 * twice in one tick, as StrictMode does it, it is the same one.
 */
import { createElement, type ReactElement, type ReactNode, useEffect, useRef, useState } from 'react'
import type { TokenSource } from '../channel/token-source.js'
import { tokenSubject } from '../provider/token-subject.js'
import { openRoom, type Room, type RoomOptions } from '../room/room.js'
import { isShallowEqual } from '../room/same.js'
import { useIsReady } from './hooks.js'
import { RoomContext } from './room-context.js'

export interface SpaceRoomProps extends RoomOptions {
  readonly children?: ReactNode
  /** In place of the children on a server, and until there is something to show. */
  readonly fallback?: ReactNode
}

interface Held {
  readonly key: string
  readonly room: Room
}

export const SpaceRoom = (props: SpaceRoomProps): ReactElement => {
  const { children, fallback, ...options } = props
  const key = keyOf(options)
  const latest = useRef(options)
  const kept = useRef<Held | null>(null)
  const [held, setHeld] = useState<Held | null>(null)

  useEffect(() => {
    latest.current = options
  })

  useEffect(() => {
    if (kept.current?.key !== key || kept.current.room.isClosed) {
      kept.current = { key, room: openRoom(withLatestToken(latest)) }
    }
    const release = kept.current.room.retain()
    setHeld(kept.current)
    return release
  }, [key])

  const room = held?.key === key ? held.room : null
  usePassedOn(room, options)
  const shown = room === null ? fallback : createElement(Shown, { fallback }, children)
  return createElement(RoomContext.Provider, { value: room }, shown)
}

const Shown = ({ children, fallback }: Pick<SpaceRoomProps, 'children' | 'fallback'>): ReactNode => {
  const isReady = useIsReady()
  return isReady || fallback === undefined ? children : fallback
}

/** Tells an open room what has changed of what it was opened with. */
const usePassedOn = (room: Room | null, { token, presence }: RoomOptions): void => {
  const passed = useRef<{ room: Room; token: TokenSource | undefined; presence: unknown } | null>(null)
  useEffect(() => {
    const before = passed.current
    passed.current = room && { room, token, presence }
    if (room === null || before?.room !== room) return
    // Functions are asked anew each time, whichever is the latest.
    if (typeof token === 'string' && token !== before.token) room.authenticate(token)
    if (presence !== undefined && !isShallowEqual(presence, before.presence)) room.setPresence(presence)
  }, [room, token, presence])
}

const withLatestToken = (latest: { readonly current: RoomOptions }): RoomOptions => {
  const { token } = latest.current
  if (typeof token !== 'function') return latest.current
  return {
    ...latest.current,
    token: () => {
      const { token: now = null } = latest.current
      return typeof now === 'function' ? now() : now
    },
  }
}

/** Another server, space or user is another room. */
const keyOf = ({ url, space, user, token }: RoomOptions): string => {
  const subject = typeof token === 'string' ? tokenSubject(token) : null
  return JSON.stringify([url, space, user ?? subject])
}

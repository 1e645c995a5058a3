/**
 * Opens a room for what stands inside of it, and closes it with it. One room for each server, space and user: mounted
 * twice in one tick, as StrictMode does it, it is the same one.
 */
import { createElement, type ReactElement, type ReactNode, useEffect, useRef, useState } from 'react'
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
  readonly opened: RoomOptions
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
      kept.current = { key, room: openRoom(withLatestToken(latest)), opened: latest.current }
    }
    const release = kept.current.room.retain()
    setHeld(kept.current)
    return release
  }, [key])

  const current = held?.key === key ? held : null
  const room = current?.room ?? null
  usePassedOn(current, latest)
  const shown = room === null ? fallback : createElement(Shown, { fallback }, children)
  return createElement(RoomContext.Provider, { value: room }, shown)
}

const Shown = ({ children, fallback }: Pick<SpaceRoomProps, 'children' | 'fallback'>): ReactNode => {
  const isReady = useIsReady()
  return isReady || fallback === undefined ? children : fallback
}

/** Tells an open room what has changed of what it was opened with, from the moment in which it was opened. */
const usePassedOn = (held: Held | null, latest: Latest): void => {
  const passed = useRef<Held | null>(null)
  useEffect(() => {
    if (held === null) return
    const { room } = held
    const before = passed.current?.room === room ? passed.current.opened : held.opened
    const { token, presence = {} } = latest.current
    passed.current = { ...held, opened: latest.current }
    // Of functions the latest is asked each time.
    const isFunction = typeof token === 'function'
    const isSame = isFunction ? typeof before.token === 'function' : token === before.token
    if (token !== undefined && !isSame) room.authenticate(isFunction ? latestToken(latest) : token)
    const { presence: shown = {} } = before
    if (!isShallowEqual(presence, shown)) room.setPresence({ ...withoutValues(shown), ...presence })
  })
}

const withoutValues = (fields: Readonly<Record<string, unknown>>): Record<string, undefined> =>
  Object.fromEntries(Object.keys(fields).map(name => [name, undefined]))

interface Latest {
  readonly current: RoomOptions
}

const withLatestToken = (latest: Latest): RoomOptions =>
  typeof latest.current.token === 'function'
    ? { ...latest.current, token: latestToken(latest) }
    : latest.current

const latestToken = (latest: Latest) => () => {
  const { token = null } = latest.current
  return typeof token === 'function' ? token() : token
}

/** Another server, space or user is another room. */
const keyOf = ({ url, space, user, token }: RoomOptions): string => {
  const subject = typeof token === 'string' ? tokenSubject(token) : null
  return JSON.stringify([url, space, user ?? subject])
}

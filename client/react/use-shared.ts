/** Shared types as a component shows them: what is in them, as plain values, and the type itself to change it. */
import { useMemo } from 'react'
import type * as Y from 'yjs'
import { isShallowEqual } from '../room/same.js'
import type { SharedKinds, SharedValues } from '../room/shared-types.js'
import { useSpace } from './hooks.js'
import { useRoom } from './room-context.js'
import { type IsEqual, type Select, useStore } from './use-store.js'

const itself = <Value>(value: Value): Value => value

/**
 * A map of the document by its name: a frozen object that is the same until something in it is different, and the
 * `Y.Map` to write to.
 * @param select what of it is shown; by default all
 * @throws Error where the document has something else under that name
 */
export const useSharedMap = <Value = unknown, Selected = Readonly<Record<string, Value>>>(
  name: string,
  select: Select<Readonly<Record<string, Value>>, Selected> = itself as never,
  isEqual?: IsEqual<Selected>,
): readonly [Selected, Y.Map<Value>] =>
  useShared('map', { name, select, isEqual } as never) as readonly [Selected, Y.Map<Value>]

/** As `useSharedMap`, for a list. */
export const useSharedArray = <Value = unknown, Selected = readonly Value[]>(
  name: string,
  select: Select<readonly Value[], Selected> = itself as never,
  isEqual?: IsEqual<Selected>,
): readonly [Selected, Y.Array<Value>] =>
  useShared('array', { name, select, isEqual } as never) as readonly [Selected, Y.Array<Value>]

/** As `useSharedMap`, for a text without its formats; an editor is bound to the `Y.Text` instead. */
export const useSharedText = (name: string): readonly [string, Y.Text] =>
  useShared('text', { name, select: itself<string> })

interface Wanted<Kind extends keyof SharedKinds, Selected> {
  readonly name: string
  readonly select: Select<SharedValues[Kind], Selected>
  readonly isEqual?: IsEqual<Selected>
}

const useShared = <Kind extends keyof SharedKinds, Selected>(
  kind: Kind,
  { name, select, isEqual = isShallowEqual }: Wanted<Kind, Selected>,
): readonly [Selected, SharedKinds[Kind]] => {
  const room = useRoom()
  const { doc } = useSpace()
  // Another document has other types.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  const { store, type } = useMemo(() => room.shared(kind, name), [room, doc, kind, name])
  const value = useStore(store, store.get(), { select, isEqual })
  return useMemo(() => [value, type] as const, [value, type])
}

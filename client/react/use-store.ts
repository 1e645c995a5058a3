/** A store of the client as React reads it: rendered anew exactly when what was selected is different. */
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react'
import type { Store } from '../room/store.js'

export type Select<Value, Selected> = (value: Value) => Selected
export type IsEqual<Selected> = (a: Selected, b: Selected) => boolean

export interface Selection<Value, Selected> {
  readonly select: Select<Value, Selected>
  readonly isEqual: IsEqual<Selected>
}

/** @param elsewhere what is read on a server, and by the first rendering of what came from one */
export const useStore = <Value, Selected>(
  store: Store<Value>,
  elsewhere: Value,
  { select, isEqual }: Selection<Value, Selected>,
): Selected => {
  const shown = useRef<{ readonly selected: Selected } | null>(null)
  const [read, readElsewhere] = useMemo(() => {
    let last: { readonly value: Value; readonly selected: Selected } | null = null
    const selectOnce = (value: Value): Selected => {
      if (last !== null && Object.is(last.value, value)) return last.selected
      const selected = select(value)
      // A selector that is written where it is used is another one each time; what it says mostly is not.
      const before = last ?? shown.current
      last = {
        value,
        selected: before !== null && isEqual(before.selected, selected) ? before.selected : selected,
      }
      return last.selected
    }
    return [() => selectOnce(store.get()), () => selectOnce(elsewhere)]
  }, [store, elsewhere, select, isEqual])
  const selected = useSyncExternalStore(store.subscribe, read, readElsewhere)
  useEffect(() => {
    shown.current = { selected }
  }, [selected])
  return selected
}

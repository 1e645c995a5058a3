/** What a browser knows about when a retry is worth it: the network is back, or somebody looks at the page again. */

/** Calls `onHint` from now on, until the returned function is called. */
export type WatchHints = (onHint: () => void) => () => void

/** Does nothing where there is no page and no `online` event, as in Node. */
export const watchPage: WatchHints = onHint => {
  const page = typeof document === 'undefined' ? null : document
  const onVisibility = (): void => {
    if (page?.visibilityState === 'visible') onHint()
  }
  page?.addEventListener('visibilitychange', onVisibility)
  globalThis.addEventListener?.('online', onHint)
  return () => {
    page?.removeEventListener('visibilitychange', onVisibility)
    globalThis.removeEventListener?.('online', onHint)
  }
}

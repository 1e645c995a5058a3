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

/** Whether nobody looks at the page, so that its timers may wait. */
export const isPageHidden = (): boolean =>
  typeof document !== 'undefined' && document.visibilityState === 'hidden'

/** Calls `onThaw` when a page that was frozen goes on: before the timers that came due meanwhile. */
export const watchThaw: WatchHints = onThaw => {
  const page = typeof document === 'undefined' ? null : document
  page?.addEventListener('resume', onThaw)
  return () => page?.removeEventListener('resume', onThaw)
}

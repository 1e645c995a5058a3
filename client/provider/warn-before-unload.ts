/** The browser's own question before a page is left with edits that neither the server nor this browser keeps. */

export interface Unsaved {
  readonly hasUnsavedEdits: boolean
  /** Whether edits survive the closing of the page. */
  readonly isKeptLocally: boolean
}

export interface Page {
  addEventListener(name: 'beforeunload', listener: (event: BeforeUnloadEvent) => void): void
  removeEventListener(name: 'beforeunload', listener: (event: BeforeUnloadEvent) => void): void
}

/** @returns what ends the warning */
export const warnBeforeUnload = (
  provider: Unsaved,
  page: Page = globalThis as unknown as Page,
): (() => void) => {
  const listener = (event: BeforeUnloadEvent): void => {
    if (!provider.hasUnsavedEdits || provider.isKeptLocally) return
    event.preventDefault()
    // Browsers from before 2023 heed only this.
    event.returnValue = true
  }
  page.addEventListener('beforeunload', listener)
  return () => page.removeEventListener('beforeunload', listener)
}

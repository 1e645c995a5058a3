/** A promise about a state that events tell of. */

/** Calls `check` from now on whenever it may have changed, until the returned function is called. */
export type Watch = (check: () => void) => () => void

/** Resolves once `isReached` returns true, and rejects with what it throws; asked now and whenever told to. */
export const settleWhen = (isReached: () => boolean, watch: Watch): Promise<void> =>
  new Promise((resolve, reject) => {
    let stop = (): void => {}
    let isSettled = false
    const check = (): void => {
      if (isSettled) return
      try {
        if (!isReached()) return
        resolve()
      } catch (error) {
        reject(error)
      }
      isSettled = true
      stop()
    }
    check()
    if (!isSettled) stop = watch(check)
  })

/** Errors that nobody catches, as an app's own listeners throw them. */

/** What is thrown next where nobody catches it; the runner is not told. */
export const nextUncaught = (): Promise<unknown> =>
  new Promise(resolve => {
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', error => {
      for (const listener of listeners) process.on('uncaughtException', listener)
      resolve(error)
    })
  })

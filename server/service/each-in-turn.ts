/** Ends what there is to end, one after the other: that one of them fails is told, and keeps no other from its end. */
import type { Observer } from '../space/observer.js'

/** Never rejects. */
export const eachInTurn = async (
  observer: Pick<Observer, 'report'>,
  steps: readonly (() => unknown)[],
): Promise<void> => {
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      observer.report('error', 'closing failed', { error })
    }
  }
}

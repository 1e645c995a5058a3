/**
 * The engine as one space sees it: a document that is lost to others' faults (its thread ended) is built again
 * from what is stored and on its way there, and the call is made again. Connections notice a delay.
 */
import { DocumentLost, type Engine } from './engine.js'

/** Its threads end again and again: the space ends too, and is loaded anew by whoever comes. */
const MAX_REVIVALS = 8

/** @param rebuild opens the document again; it throws where that is not the one that was lost */
export const reviving = (engine: Engine, rebuild: () => Promise<void>): Engine => {
  const revived = <Result>(call: () => Promise<Result>): Promise<Result> =>
    call().catch(error => revive(call, error))
  const revive = async <Result>(call: () => Promise<Result>, cause: unknown): Promise<Result> => {
    let error = cause
    for (let left = MAX_REVIVALS; error instanceof DocumentLost && left > 0; left--) {
      try {
        await rebuild()
        return await call()
      } catch (next) {
        error = next
      }
    }
    throw error
  }
  return {
    fold: (space, updates, isBrief) => engine.fold(space, updates, isBrief),
    join: updates => engine.join(updates),
    open: (space, updates) => engine.open(space, updates),
    apply: (space, batch) => revived(() => engine.apply(space, batch)),
    stateVector: space => revived(() => engine.stateVector(space)),
    diff: (space, stateVector) => revived(() => engine.diff(space, stateVector)),
    intentions: space => revived(() => engine.intentions(space)),
    json: (space, roots) => revived(() => engine.json(space, roots)),
    close: space => engine.close(space),
  }
}

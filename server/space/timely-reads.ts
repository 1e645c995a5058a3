/**
 * The store as spaces read from it: what does not answer in time has failed, so that whoever waits for it can be told
 * and come back. What it answers later is dropped. Writes are waited for: nobody can tell what becomes of one.
 */
import { PlenumError } from '../../shared/errors.js'
import type { Scheduler } from './scheduler.js'
import type { UpdateStore } from './update-store.js'

export const STORE_IS_LATE = 'the store did not answer in time'

export interface TimelyOptions {
  readonly scheduler: Pick<Scheduler, 'after'>
  readonly timeoutMs: number
}

export const timelyReads = (store: UpdateStore, { scheduler, timeoutMs }: TimelyOptions): UpdateStore => {
  /** @throws internal */
  const inTime = async <Result>(read: () => Promise<Result>): Promise<Result> => {
    const reading = read()
    let cancel = (): void => {}
    const late = new Promise<never>((_, reject) => {
      const fail = (): void => reject(new PlenumError('internal', STORE_IS_LATE))
      cancel = scheduler.after(timeoutMs, fail)
    })
    try {
      return await Promise.race([reading, late])
    } finally {
      cancel()
    }
  }
  const { members, catalogue } = store
  return {
    id: store.id,
    members: {
      load: space => inTime(() => members.load(space)),
      save: (changes, nowMs) => members.save(changes, nowMs),
    },
    catalogue: {
      list: options => inTime(() => catalogue.list(options)),
      find: space => inTime(() => catalogue.find(space)),
      revocations: () => inTime(() => catalogue.revocations()),
      delete: (space, nowMs) => catalogue.delete(space, nowMs),
      restore: space => catalogue.restore(space),
      create: (space, nowMs) => catalogue.create(space, nowMs),
      revoke: revocation => catalogue.revoke(revocation),
      reinstate: (space, user) => catalogue.reinstate(space, user),
    },
    load: space => inTime(() => store.load(space)),
    attribution: space => inTime(() => store.attribution(space)),
    append: group => store.append(group),
    reopen: () => store.reopen(),
    compact: space => store.compact(space),
    close: () => store.close(),
  }
}

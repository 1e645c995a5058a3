/** All that can be measured, by name. */
import { randomUUID } from 'node:crypto'
import { stock } from './dialects/stock.js'
import { loadPeers } from './targets/peers.js'
import { plenum, plenumExtended } from './targets/plenum.js'
import { remote } from './targets/remote.js'
import type { Target } from './targets/target.js'

/** Which one, as plain data for another process. */
export type TargetWish =
  | { readonly kind: 'known'; readonly name: string }
  | {
      readonly kind: 'remote'
      readonly url: string
      readonly token: string | null
      readonly pid: number | null
    }

/** Plenum first. */
export const knownTargets = async (): Promise<Target[]> => [plenum, plenumExtended, ...(await loadPeers())]

export const findTarget = async (wish: TargetWish): Promise<Target> => {
  if (wish.kind === 'remote')
    return remote({ ...wish, dialect: stock, spaceSuffix: () => `-${randomUUID().slice(0, 8)}` })
  const target = (await knownTargets()).find(({ name }) => name === wish.name)
  if (target === undefined) throw new Error(`no target is called ${wish.name}`)
  return target
}

/**
 * Reads the intentions in a document together with the clocks of the structs that say so: who delivered these said
 * it. Whatever is written there, reading ends, throws nothing and changes nothing.
 */
import * as Y from 'yjs'
import { listIntentions, listInvalid } from '../../../shared/intentions/arrange.js'
import {
  INTENTIONS_KEY,
  type Intention,
  type InvalidIntention,
  isIntention,
  notAnEntry,
  readIntention,
} from '../../../shared/intentions/intention.js'
import type { ClockRange, IntentionsFound, WrittenIntention } from '../engine.js'

/** Reading ends behind as many keys, however few of them are intentions. */
const MAX_KEYS = 20_000

export const readIntentions = (doc: Y.Doc): IntentionsFound => {
  const entries: (Intention | InvalidIntention)[] = []
  const written = new Map<Intention, WrittenIntention['items']>()
  // `getMap` would make a type of what nobody has asked for.
  for (const [key, item] of doc.share.get(INTENTIONS_KEY)?._map ?? []) {
    if (item.deleted) continue
    if (entries.length === MAX_KEYS) break
    const value = valueIn(item)
    if (!(value instanceof Y.Map)) {
      entries.push(notAnEntry(key))
      continue
    }
    const fields = value._map
    const entry = readIntention(key, name => {
      const field = fields.get(name)
      return field === undefined || field.deleted ? undefined : valueIn(field)
    })
    entries.push(entry)
    if (isIntention(entry)) written.set(entry, { entry: rangeOf(item), ...rangesOf(entry, fields) })
  }
  return {
    intentions: listIntentions(entries).map(intention => ({ intention, items: written.get(intention)! })),
    invalid: listInvalid(entries),
  }
}

/** As a map of Yjs reads it. */
const valueIn = ({ content, length }: Y.Item): unknown => content.getContent()[length - 1]

const rangeOf = ({ id, length }: Y.Item): ClockRange => ({ client: id.client, clock: id.clock, length })

const rangesOf = (intention: Intention, fields: ReadonlyMap<string, Y.Item>): Record<string, ClockRange> =>
  Object.fromEntries(
    (Object.keys(intention) as (keyof Intention)[])
      .filter(name => name !== 'id')
      .map(name => [name, rangeOf(fields.get(name)!)]),
  )

/** What the workloads type: the recorded paper where it is at hand, else a generated text of the same length. */
import * as prng from 'lib0/prng'
import type { Patch } from '../test/support/trace.js'
import { loadTrace, whyNoTraces } from '../test/support/trace.js'

export interface Typing {
  readonly source: string
  readonly patches: readonly Patch[]
  readonly endContent: string
}

const GENERATED_KEYSTROKES = 260_000
const SEED = 4

export const paper = (): Typing => {
  if (whyNoTraces() !== null) return generated()
  const { txns, endContent } = loadTrace('automerge-paper')
  return { source: 'automerge-paper trace', patches: txns.flatMap(({ patches }) => patches), endContent }
}

/** Typing at a cursor that sometimes jumps, with corrections; the same at every run. */
const generated = (): Typing => {
  const random = prng.create(SEED)
  const patches: Patch[] = []
  let content = ''
  let cursor = 0
  while (patches.length < GENERATED_KEYSTROKES) {
    if (random.next() < 0.01) cursor = prng.int53(random, 0, content.length)
    if (cursor > 0 && random.next() < 0.25) {
      cursor--
      patches.push([cursor, 1, ''])
      content = content.slice(0, cursor) + content.slice(cursor + 1)
    } else {
      const letter = prng.letter(random)
      patches.push([cursor, 0, letter])
      content = content.slice(0, cursor) + letter + content.slice(cursor)
      cursor++
    }
  }
  return { source: `generated typing, seed ${SEED}`, patches, endContent: content }
}

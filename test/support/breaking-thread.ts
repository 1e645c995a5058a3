/**
 * An engine thread that does as it is told: an update in which one of these words stands makes it loop for ever, eat
 * its memory or end, where a document integrates it and where it is loaded.
 */
import '../../server/engine-threads/thread.js'
import { Document } from '../../server/space/engine/document.js'
import { InlineEngine } from '../../server/space/engine/inline-engine.js'

/** The words, in capitals so that no name has them. */
const HANG = 'HANG-THE-THREAD'
const EXHAUST = 'EXHAUST-ITS-MEMORY'
const EXIT = 'END-THE-THREAD'

/** A short wait, and not the end. */
const DAWDLE = 'TAKE-A-WHILE'

const includes = (update: Uint8Array, word: string): boolean =>
  Buffer.from(update.buffer, update.byteOffset, update.byteLength).includes(word)

const pause = (ms: number): void => {
  const untilMs = performance.now() + ms
  while (performance.now() < untilMs);
}

const obey = (update: Uint8Array): void => {
  if (includes(update, EXIT)) process.exit(7)
  for (const kept: number[][] = []; includes(update, EXHAUST); )
    kept.push(new Array(100_000).fill(kept.length))
  while (includes(update, HANG));
}

const { apply } = Document.prototype
Document.prototype.apply = function (batch, atInput) {
  for (const [i, { update }] of batch.entries()) {
    atInput?.(i)
    obey(update)
    // A batch of which each part is quick enough.
    if (includes(update, DAWDLE)) pause(60)
  }
  return apply.call(this, batch, atInput)
}

const { open } = InlineEngine.prototype
InlineEngine.prototype.open = function (space, updates) {
  for (const update of updates) obey(update)
  return open.call(this, space, updates)
}

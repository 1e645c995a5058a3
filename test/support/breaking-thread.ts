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

const obey = (update: Uint8Array): void => {
  const bytes = Buffer.from(update.buffer, update.byteOffset, update.byteLength)
  if (bytes.includes(EXIT)) process.exit(7)
  for (const kept: number[][] = []; bytes.includes(EXHAUST); ) kept.push(new Array(100_000).fill(kept.length))
  while (bytes.includes(HANG));
}

const { apply } = Document.prototype
Document.prototype.apply = function (batch, atInput) {
  for (const [i, { update }] of batch.entries()) {
    atInput?.(i)
    obey(update)
  }
  return apply.call(this, batch, atInput)
}

const { open } = InlineEngine.prototype
InlineEngine.prototype.open = function (space, updates) {
  for (const update of updates) obey(update)
  return open.call(this, space, updates)
}

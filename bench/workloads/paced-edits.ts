/** One author types at an even pace, open loop; one reader follows. What an edit costs on the wire and on disk. */
import * as Y from 'yjs'
import { applyPatch } from '../../test/support/trace.js'
import { MeasuredServer, type Traffic } from '../measured-server.js'
import { paper } from '../typing.js'
import type { Figures, WorkloadContext } from '../workload.js'
import { until } from './paper-upload.js'

export interface PacedEdits {
  readonly editsPerSecond: number
  readonly seconds: number
}

export const pacedEdits = async (
  { progress }: WorkloadContext,
  { editsPerSecond, seconds }: PacedEdits,
): Promise<Figures> => {
  const patches = paper().patches.slice(0, editsPerSecond * seconds)
  const server = await MeasuredServer.start()
  try {
    const traffic: Traffic = { receivedBytes: 0, receivedMessages: 0 }
    const reading = new Y.Doc()
    const reader = await server.connect('paced', reading, traffic)
    const writing = new Y.Doc()
    const writer = await server.connect('paced', writing)
    await writer.whenSaved()
    const saves = new SaveLatencies()
    writer.on('saved', () => saves.saved(writer.saveState === 'saved'))
    const before = server.usage()
    traffic.receivedBytes = 0
    progress(`${patches.length} edits at ${editsPerSecond}/s`)
    const startMs = performance.now()
    for (const [i, patch] of patches.entries()) {
      const waitMs = startMs + (i * 1000) / editsPerSecond - performance.now()
      if (waitMs > 0) await new Promise(resolve => setTimeout(resolve, waitMs))
      saves.edited()
      applyPatch(writing.getText('text'), patch)
    }
    await writer.whenSaved()
    const after = server.usage()
    const wanted = writing.getText('text').toString()
    await until(reading, () => reading.getText('text').toString() === wanted)
    reader.close()
    writer.close()
    const perEdit = (amount: number, unit: string) => ({ value: amount / patches.length, unit })
    return {
      'wire to the reader': perEdit(traffic.receivedBytes, 'bytes/edit'),
      'written to disk': perEdit(after.writtenBytes - before.writtenBytes, 'bytes/edit'),
      'server CPU': perEdit((after.cpuSeconds - before.cpuSeconds) * 1e6, 'µs/edit'),
      'edit to saved, median': { value: saves.quantile(0.5), unit: 'ms' },
      'edit to saved, p99': { value: saves.quantile(0.99), unit: 'ms' },
    }
  } finally {
    await server.dispose()
  }
}

/** From the first edit that is not saved to the moment when everything is. */
class SaveLatencies {
  #sinceMs: number | null = null
  readonly #latenciesMs: number[] = []

  edited(): void {
    this.#sinceMs ??= performance.now()
  }

  saved(isAll: boolean): void {
    if (!isAll || this.#sinceMs === null) return
    this.#latenciesMs.push(performance.now() - this.#sinceMs)
    this.#sinceMs = null
  }

  quantile(q: number): number {
    const sorted = this.#latenciesMs.toSorted((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
  }
}

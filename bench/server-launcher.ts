/**
 * Loaded into Plenum's process and each of its threads before their own code: answers `{type: 'memory'}` over IPC
 * with what all threads hold after a forced collection, as the peers' scripts do.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { BroadcastChannel, isMainThread } from 'node:worker_threads'

export interface MemoryAnswer {
  readonly type: 'memory'
  readonly rss: number
  readonly heapUsed: number
  /** Array buffers among it. */
  readonly external: number
}

/** A thread that does not answer within this time holds nothing that is told. */
const ANSWER_TIME_MS = 500

const channel = new BroadcastChannel('plenum-bench-memory')
channel.unref()

const measure = (): MemoryAnswer => {
  // Finalizers of the first collection free what the second one finds.
  globalThis.gc?.()
  globalThis.gc?.()
  const { rss, heapUsed, external } = process.memoryUsage()
  return { type: 'memory', rss, heapUsed, external }
}

const measureAll = async (): Promise<MemoryAnswer> => {
  let [heapUsed, external] = [0, 0]
  channel.onmessage = event => {
    const { data } = event as { data: MemoryAnswer | 'ask' }
    if (data === 'ask') return
    heapUsed += data.heapUsed
    external += data.external
  }
  channel.postMessage('ask')
  await pause(ANSWER_TIME_MS)
  const own = measure()
  return { ...own, heapUsed: own.heapUsed + heapUsed, external: own.external + external }
}

if (isMainThread) {
  process.on('message', ({ type }: { type: string }) => {
    if (type === 'memory') void measureAll().then(answer => process.send?.(answer))
  })
  // Who waits for questions must not keep the server from ending.
  process.channel?.unref()
  // The bench has gone: nobody would end this process.
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
} else {
  channel.onmessage = event => {
    if ((event as { data: unknown }).data === 'ask') channel.postMessage(measure())
  }
}

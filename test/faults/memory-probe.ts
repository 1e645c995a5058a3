/**
 * Loaded into a server process before its own code: answers on a Unix socket with what its main thread holds
 * after a forced collection. What is garbage does not count, so two runs can be compared.
 */
import { createServer } from 'node:net'
import { isMainThread } from 'node:worker_threads'

export interface HeldMemory {
  /** Objects of JavaScript, and buffers outside of the heap: frames that wait for a socket among them. */
  readonly heldBytes: number
  readonly rssBytes: number
}

const path = process.env.PLENUM_TEST_PROBE

if (path !== undefined && isMainThread) {
  const server = createServer(socket => {
    globalThis.gc?.()
    const { heapUsed, external, rss } = process.memoryUsage()
    socket.on('error', () => {})
    socket.end(JSON.stringify({ heldBytes: heapUsed + external, rssBytes: rss } satisfies HeldMemory))
  })
  server.listen(path)
  server.unref()
}

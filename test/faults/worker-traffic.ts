/** Counts what passes between this thread and its workers, from the first import on. */
import { Worker } from 'node:worker_threads'

let requests = 0
let replies = 0

const { postMessage, emit } = Worker.prototype

Worker.prototype.postMessage = function (...args) {
  requests++
  return postMessage.apply(this, args)
}

Worker.prototype.emit = function (...args: Parameters<typeof emit>) {
  if (args[0] === 'message') replies++
  return emit.apply(this, args)
}

export const workerTraffic = (): { requests: number; unanswered: number } => ({
  requests,
  unanswered: requests - replies,
})

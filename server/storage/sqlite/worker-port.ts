/** The worker's half of the exchange with the store: one handler per request, one request after another. */
import { parentPort } from 'node:worker_threads'
import { PlenumError } from '../../../shared/errors.js'
import { ring } from '../../bell.js'
import { StartupError } from '../startup-error.js'
import type { Exchanges } from './messages.js'

export interface WorkerRequest {
  readonly number: number
  readonly name: string
  readonly request: unknown
}

/** Errors as data: a cloned error would lose its class and its code. */
export type WorkerError =
  | { readonly type: 'plenum'; readonly error: Pick<PlenumError, 'code' | 'message'> }
  | { readonly type: 'startup'; readonly error: Pick<StartupError, 'problem' | 'message'> }
  | { readonly type: 'other'; readonly error: { message: string; code: string; stack: string } }

export type WorkerReply =
  | { readonly number: number; readonly response: unknown }
  | { readonly number: number; readonly failure: WorkerError }

export type Handlers<E extends Exchanges> = {
  readonly [Name in keyof E]: (request: E[Name]['request']) => E[Name]['response']
}

/**
 * Answers requests until the worker ends.
 * @param transferred the large buffers of a response: they are moved where they own their memory
 */
export const serveRequests = <E extends Exchanges>(
  handlers: Handlers<E>,
  transferred: (response: unknown) => readonly Uint8Array[] = () => [],
): void => {
  const port = parentPort
  if (port === null) throw new Error('this file runs as a worker')
  port.on('message', ({ number, name, request }: WorkerRequest) => {
    try {
      const response = handlers[name]!(request)
      port.postMessage({ number, response } satisfies WorkerReply, owned(transferred(response)))
    } catch (error) {
      port.postMessage({ number, failure: describe(error) } satisfies WorkerReply)
    }
    ring()
  })
}

const owned = (buffers: readonly Uint8Array[]): ArrayBuffer[] =>
  buffers
    .filter(({ buffer, byteLength }) => buffer instanceof ArrayBuffer && buffer.byteLength === byteLength)
    .map(({ buffer }) => buffer as ArrayBuffer)

const describe = (error: unknown): WorkerError => {
  if (error instanceof PlenumError) {
    return { type: 'plenum', error: { code: error.code, message: error.message } }
  }
  if (error instanceof StartupError) {
    return { type: 'startup', error: { problem: error.problem, message: error.message } }
  }
  const { message, code, stack } = error as Error & { code?: unknown }
  return { type: 'other', error: { message: String(message), code: String(code ?? ''), stack: stack ?? '' } }
}

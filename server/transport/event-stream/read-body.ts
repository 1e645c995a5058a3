/** The body of a request, whole or not at all, and never more of it than is allowed. */
import type { IncomingMessage } from 'node:http'
import { PlenumError } from '../../../shared/errors.js'

interface ReadOptions {
  readonly maxBytes: number
  /** Some of it arrived. */
  onProgress(): void
}

/**
 * A buffer of its own.
 * @throws too_large; bad_request for one that is cut off
 */
export const readBody = (
  request: IncomingMessage & { readonly body?: unknown },
  { maxBytes, onProgress }: ReadOptions,
): Promise<Uint8Array> => {
  const tooLarge = (): PlenumError => new PlenumError('too_large', `a body may have ${maxBytes} bytes`)
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.reject(tooLarge())
  // Whoever embeds the service may have read it already.
  if (Buffer.isBuffer(request.body)) {
    return request.body.length > maxBytes ? Promise.reject(tooLarge()) : Promise.resolve(request.body)
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const finish = (end: () => void): void => {
      request.off('data', onData).off('end', onEnd).off('error', onCut).off('close', onCut)
      // Its connection may break after all.
      request.on('error', () => {})
      end()
    }
    const onData = (chunk: Buffer): void => {
      onProgress()
      bytes += chunk.length
      if (bytes > maxBytes) finish(() => reject(tooLarge()))
      else chunks.push(chunk)
    }
    const onEnd = (): void => finish(() => resolve(Buffer.concat(chunks, bytes)))
    const onCut = (): void => finish(() => reject(new PlenumError('bad_request', 'the body was cut off')))
    request.on('data', onData).on('end', onEnd).on('error', onCut).on('close', onCut)
    if (request.destroyed) onCut()
  })
}

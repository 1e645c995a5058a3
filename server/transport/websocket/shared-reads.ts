/**
 * What sockets receive, in one buffer for all of them. By itself Node gives each read 64 KiB of its own and cuts them
 * to what came; in a busy room the garbage of that is a fifth of the CPU. Sockets that are opened can be told so
 * (`onread` of `net.connect`), and those that a server accepts have the same slots. Where those are not the ones that
 * we know, each read is told by the event `data` as ever.
 */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** What libuv reads at once at most. */
export const FULL_READ_BYTES = 64 * 1024

/** Called on the socket, with how many bytes came and where they are: once it returns, others' come there. */
export type TakeRead = (this: Duplex, bytes: number, buffer: Buffer) => void

interface Handle {
  useUserBuffer?(buffer: Uint8Array): void
}

const slots = Object.getOwnPropertySymbols(new Socket())
const slotOf = (name: string): symbol | null => slots.find(slot => slot.description === name) ?? null
const BUFFER = slotOf('kBuffer')
const TAKE = slotOf('kBufferCb')
const NEXT_BUFFER = slotOf('kBufferGen')

const shared = Buffer.allocUnsafeSlow(FULL_READ_BYTES)

/** Not for a socket of TLS, whose reads are another's. */
export const shareReads = (socket: Duplex, take: TakeRead): void => {
  if (BUFFER === null || TAKE === null || NEXT_BUFFER === null) return
  if (Object.getPrototypeOf(socket) !== Socket.prototype) return
  const handle = (socket as Duplex & { readonly _handle?: Handle | null })._handle
  const readInto = handle?.useUserBuffer
  if (typeof readInto !== 'function') return
  Object.assign(socket, { [BUFFER]: shared, [TAKE]: take, [NEXT_BUFFER]: null })
  readInto.call(handle, shared)
}

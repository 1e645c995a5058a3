/** Packs by deflate, in the threads that Node keeps for it. */
import { promisify } from 'node:util'
import { deflateRaw, inflateRaw } from 'node:zlib'
import type { Packing } from '../space/packing.js'

const pack = promisify<Uint8Array, Buffer>(deflateRaw)
const unpack = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(inflateRaw)

export const deflatePacking: Packing = {
  // What comes out may be a view into a larger buffer.
  pack: async bytes => Uint8Array.from(await pack(bytes)),
  unpack: async (packed, length) => {
    const bytes = await unpack(packed, { maxOutputLength: Math.max(1, length) })
    if (bytes.length !== length) throw new Error('packed bytes have come out shorter')
    return bytes
  },
}

/** A state vector as it stands in an address. Its bytes are for the engine to judge. */
import { z } from 'zod'

export const StateVector = z
  .string()
  .regex(/^[\w-]+$/, 'must be base64url')
  .transform(text => new Uint8Array(Buffer.from(text, 'base64url')))

/** Signals as an app has them: anything that JSON can say, small, to whoever is there now. */
import { PlenumError } from '../../shared/errors.js'
import {
  encodeMessage,
  MAX_SIGNAL_BYTES,
  MAX_TEXT_BYTES,
  type Signal,
  type Signalled,
} from '../../shared/protocol/index.js'

export interface SignalOptions {
  /** The user of one member; by default everybody else in the space. */
  readonly to?: string
}

export interface ReceivedSignal {
  /** The user that it is from, as the server knows them. */
  readonly from: string
  /** What they sent: treat it as what it is, somebody else's input. */
  readonly data: unknown
  /** Whether it was sent to this user alone. */
  readonly isDirect: boolean
}

/**
 * What the server would end the connection for is refused here instead.
 * @param maxFrameBytes that the server takes
 * @throws bad_request for what is no JSON or goes to nobody; too_large
 */
export const composeSignal = (data: unknown, { to }: SignalOptions, maxFrameBytes: number): Signal => {
  if (to !== undefined && !isUser(to)) throw new PlenumError('bad_request', 'a signal goes to a user')
  const json = jsonOf(data)
  const signal: Signal = { type: 'signal', to: to ?? null, json }
  if (bytesIn(json) > MAX_SIGNAL_BYTES || encodeMessage(signal).length > maxFrameBytes) {
    throw new PlenumError('too_large', `a signal has at most ${MAX_SIGNAL_BYTES} bytes of JSON`)
  }
  return signal
}

/** Null for what is no JSON: whoever sent it wrote their own client. */
export const readSignal = ({ from, isDirect, json }: Signalled): ReceivedSignal | null => {
  try {
    return { from, data: JSON.parse(json), isDirect }
  } catch {
    return null
  }
}

const isUser = (to: unknown): boolean => typeof to === 'string' && to !== '' && bytesIn(to) <= MAX_TEXT_BYTES

const bytesIn = (text: string): number => new TextEncoder().encode(text).length

const jsonOf = (data: unknown): string => {
  let json: string | undefined
  try {
    json = JSON.stringify(data)
  } catch (cause) {
    throw new PlenumError('bad_request', 'a signal must be JSON', { cause })
  }
  if (json === undefined) throw new PlenumError('bad_request', 'a signal must be JSON')
  return json
}

/**
 * Every message with its bytes, written out by hand: an unreviewed change of the wire fails here. Who may send
 * it decides which decoder must take it.
 */
import type { ClientMessage, ServerMessage } from '../../../shared/protocol/index.js'

export interface GoldenFrame {
  readonly name: string
  readonly from: 'client' | 'server' | 'both'
  readonly message: ClientMessage | ServerMessage
  readonly hex: string
}

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
const text = (value: string): string => Buffer.from(value).toString('hex')

export const frameOf = ({ hex }: Pick<GoldenFrame, 'hex'>): Uint8Array => bytes(hex.replaceAll(' ', ''))

export const GOLDEN_FRAMES: readonly GoldenFrame[] = [
  {
    name: 'step 1, empty state vector',
    from: 'both',
    message: { type: 'step1', stateVector: bytes('00') },
    hex: '00 00 01 00',
  },
  {
    name: 'step 2, empty update',
    from: 'both',
    message: { type: 'step2', update: bytes('0000') },
    hex: '00 01 02 0000',
  },
  {
    name: 'update',
    from: 'both',
    message: { type: 'update', update: bytes('010203') },
    hex: '00 02 03 010203',
  },
  {
    name: 'update of 128 bytes, whose length takes two',
    from: 'both',
    message: { type: 'update', update: new Uint8Array(128).fill(7) },
    hex: `00 02 8001 ${'07'.repeat(128)}`,
  },
  {
    name: 'update of 16384 bytes, whose length takes three',
    from: 'both',
    message: { type: 'update', update: new Uint8Array(16384).fill(7) },
    hex: `00 02 808001 ${'07'.repeat(16384)}`,
  },
  {
    name: 'update without bytes',
    from: 'both',
    message: { type: 'update', update: new Uint8Array() },
    hex: '00 02 00',
  },
  {
    name: 'awareness',
    from: 'both',
    message: { type: 'awareness', entries: bytes('01050002 7b7d'.replace(' ', '')) },
    hex: '01 06 010500027b7d',
  },
  {
    name: 'awareness without entries, the keepalive',
    from: 'both',
    message: { type: 'awareness', entries: bytes('00') },
    hex: '01 01 00',
  },
  { name: 'query awareness', from: 'client', message: { type: 'query-awareness' }, hex: '03' },
  {
    name: 'permission denied',
    from: 'server',
    message: { type: 'permission-denied', reason: 'access denied' },
    hex: `02 00 0d ${text('access denied')}`,
  },
  {
    name: 'welcome',
    from: 'server',
    message: {
      type: 'welcome',
      version: 1,
      session: 's1',
      incarnation: 'inc-2',
      epoch: 'e',
      user: 'ada',
      role: 'write',
      serverTimeMs: 1_700_000_000_000,
      limits: { maxFrameBytes: 1_048_576, maxDocumentBytes: 67_108_864, maxAwarenessBytes: 65_536 },
      expiresAtMs: 0,
    },
    hex: `64 01 02 ${text('s1')} 05 ${text('inc-2')} 01 ${text('e')} 03 ${text('ada')} 05 ${text('write')} 80d095ffbc31 808040 80808020 808004 00`,
  },
  { name: 'saved', from: 'server', message: { type: 'saved', count: 3, position: 300 }, hex: '65 03 ac02' },
  {
    name: 'saved at the largest numbers',
    from: 'server',
    message: { type: 'saved', count: Number.MAX_SAFE_INTEGER, position: 0 },
    hex: '65 ffffffffffffff0f 00',
  },
  {
    name: 'rejected',
    from: 'server',
    message: { type: 'rejected', number: 7, code: 'read_only', reason: 'nur lesen – 読むだけ' },
    hex: `66 07 09 ${text('read_only')} 1a ${text('nur lesen – 読むだけ')}`,
  },
  {
    name: 'authenticate',
    from: 'client',
    message: { type: 'authenticate', token: 'a.b.c' },
    hex: `67 05 ${text('a.b.c')}`,
  },
  {
    name: 'access changed',
    from: 'server',
    message: { type: 'access', role: 'read', expiresAtMs: 1000 },
    hex: `68 04 ${text('read')} e807`,
  },
  {
    name: 'notice: draining',
    from: 'server',
    message: { type: 'notice', kind: 'draining', retryAfterMs: 2000 },
    hex: '6b 00 d00f',
  },
  {
    name: 'notice: degraded',
    from: 'server',
    message: { type: 'notice', kind: 'degraded', retryAfterMs: 0 },
    hex: '6b 01 00',
  },
  {
    name: 'notice: recovered',
    from: 'server',
    message: { type: 'notice', kind: 'recovered', retryAfterMs: 0 },
    hex: '6b 02 00',
  },
  {
    name: 'notice: read-only',
    from: 'server',
    message: { type: 'notice', kind: 'read-only', retryAfterMs: 0 },
    hex: '6b 03 00',
  },
  {
    name: 'notice: signals limited',
    from: 'server',
    message: { type: 'notice', kind: 'signals-limited', retryAfterMs: 1000 },
    hex: '6b 04 e807',
  },
  {
    name: 'notice: signals refused',
    from: 'server',
    message: { type: 'notice', kind: 'signals-refused', retryAfterMs: 0 },
    hex: '6b 05 00',
  },
  {
    name: 'roster: somebody here with two tabs, and somebody who left',
    from: 'server',
    message: {
      type: 'roster',
      isWhole: true,
      serverTimeMs: 1000,
      members: [
        { user: 'ada', name: 'Ada', connections: 2, joinedAtMs: 3, lastSeenMs: 1000, left: null },
        {
          user: 'bob',
          name: null,
          connections: 0,
          joinedAtMs: 1,
          lastSeenMs: 2,
          left: { atMs: 1000, reason: 'timeout' },
        },
      ],
      forgotten: [],
    },
    hex: `69 01 e807 02 03 ${text('ada')} 03 ${text('Ada')} 02 03 e807 03 ${text('bob')} 00 00 01 02 e807 01 00`,
  },
  {
    name: 'roster: somebody is not listed any more',
    from: 'server',
    message: { type: 'roster', isWhole: false, serverTimeMs: 1000, members: [], forgotten: ['ada'] },
    hex: `69 00 e807 00 01 03 ${text('ada')}`,
  },
  {
    name: 'signal to everybody',
    from: 'client',
    message: { type: 'signal', to: null, json: '{"hi":1}' },
    hex: `6a 00 08 ${text('{"hi":1}')}`,
  },
  {
    name: 'signal to a user',
    from: 'client',
    message: { type: 'signal', to: 'ada', json: '1' },
    hex: `6a 03 ${text('ada')} 01 ${text('1')}`,
  },
  {
    name: 'signal passed on',
    from: 'server',
    message: { type: 'signalled', from: 'ada', isDirect: true, json: '{"hi":1}' },
    hex: `6a 03 ${text('ada')} 01 08 ${text('{"hi":1}')}`,
  },
]

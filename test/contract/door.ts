/** What every door promises to those who come through it and to the spaces behind, as a suite over one door. */
import { createHmac } from 'node:crypto'
import { signToken } from '../../server/auth/sign-token.js'
import { ERRORS, type ErrorCode, PlenumError } from '../../shared/errors.js'
import type { DoorLine, DoorUnderTest, LineOptions } from '../support/door-line.js'
import { type DoorSettings, type OpenDoor, openDoor, SECRET } from '../support/open-door.js'
import { assert, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const BEAT = { beatMs: 1_000, stuckMs: 3_000 }
const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
const firstBytes = (frames: readonly Uint8Array[]): (number | undefined)[] => frames.map(([first]) => first)
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

export const doorContract = (kind: DoorUnderTest): void => {
  const test = suite(`door: ${kind.name}`)
  let door: OpenDoor
  const lines: DoorLine[] = []

  const open = async (settings: DoorSettings = {}): Promise<OpenDoor> => {
    door = await openDoor(settings)
    return door
  }

  /** With a good token, where nothing else is said. */
  const line = async (options: Partial<LineOptions> = {}): Promise<DoorLine> => {
    const token = options.token === undefined ? await door.token() : options.token
    const made = kind.open({ port: door.port, target: '/sync/demo', ...options, token })
    lines.push(made)
    return made
  }

  /** Whoever joins waits until `ready` is called. */
  const holdJoins = (): { readonly isJoining: Promise<void>; readonly ready: () => void } => {
    let ready = (): void => {}
    const isReady = new Promise<void>(resolve => {
      ready = resolve
    })
    const isJoining = new Promise<void>(resolve => {
      door.registry.onJoin = () => {
        resolve()
        return isReady
      }
    })
    return { isJoining, ready }
  }

  const isGone = (): Promise<unknown> =>
    until('no place is held', () => door.admission.connections === 0 && door.connections === 0)

  test.after.each(async () => {
    for (const each of lines.splice(0)) each.terminate()
    await door?.close()
  })

  test('[D5] what a client sends before its space is open arrives, in order', async () => {
    await open()
    const { isJoining, ready } = holdJoins()
    const client = await line()
    for (const byte of range(20)) client.send(Uint8Array.of(byte))
    await isJoining
    ready()
    const session = await door.registry.session()
    await session.untilEvents(({ frames }) => frames.length === 20)
    assert.equal(firstBytes(session.frames), range(20))
    assert.is(session.dialect, 'plenum')
    assert.is(session.access.user, 'ann')
  })

  test('[D5] a session that asks for a pause gets one frame at a time, and the rest in order', async () => {
    await open()
    const client = await line()
    const session = await door.registry.session()
    let underWay = 0
    let most = 0
    session.onFrame = async () => {
      most = Math.max(most, ++underWay)
      await nextTurn()
      underWay--
    }
    client.send(...range(30).map(byte => Uint8Array.of(byte)))
    for (const byte of range(10)) client.send(Uint8Array.of(30 + byte))
    await session.untilEvents(({ frames }) => frames.length === 40)
    assert.is(most, 1)
    assert.equal(firstBytes(session.frames), range(40))
  })

  test('[D5] what was sent before a polite end arrives, although a pause was asked for', async () => {
    await open()
    const client = await line()
    const session = await door.registry.session()
    session.onFrame = nextTurn
    client.send(...range(20).map(byte => Uint8Array.of(byte)))
    client.leave()
    await session.untilEvents(({ hasLeft }) => hasLeft)
    assert.is(session.frames.length, 20)
    assert.is(session.events.at(-1)?.type, 'left')
    await isGone()
    await door.untilTold('closed plenum peer')
  })

  test('[D7] what is larger than allowed ends the connection as too large', async () => {
    await open({ options: { maxPayloadBytes: 1_000 } })
    const client = await line()
    const session = await door.registry.session()
    client.send(new Uint8Array(1_000))
    await session.untilEvents(({ frames }) => frames.length === 1)
    client.send(new Uint8Array(1_100))
    // 1009 is what `ws` says by itself; clients of ours know it for the same.
    assert.ok([1009, 4413].includes(await client.ended))
    assert.ok(session.hasLeft)
    assert.is(session.frames.length, 1)
    await door.untilTold('closed plenum too_large')
    await isGone()
  })

  test('[D7] [G11] the third that is too large within a minute is not even let in', async () => {
    await open({ options: { maxPayloadBytes: 1_000 } })
    for (const round of [1, 2]) {
      const client = await line()
      client.send(new Uint8Array(1_100))
      await client.ended
      await until(
        'it is counted',
        () => door.told.filter(told => told === 'closed plenum too_large').length === round,
      )
    }
    assert.is(await (await line()).ended, 4413)
    door.nowMs += 600_000
    await line()
    await door.registry.session(2)
  })

  test('[D8] [D22] a half-open connection is gone at the second beat', async () => {
    await open({ options: { heartbeat: BEAT } })
    const client = await line({ isAnswering: false })
    const session = await door.registry.session()
    session.peer.send(Uint8Array.of(1))
    await until('it listens', () => client.frames.length === 1)
    door.beat(1_000)
    assert.not(session.hasLeft)
    door.beat(1_000)
    assert.ok(session.hasLeft)
    await door.untilTold('closed plenum half_open')
    await isGone()
  })

  test('[D8] a client that answers stays', async () => {
    await open({ options: { heartbeat: BEAT } })
    const client = await line()
    const session = await door.registry.session()
    for (let beat = 1; beat <= 5; beat++) {
      door.beat(1_000)
      await until('it is asked', () => client.pings === beat)
      client.send(Uint8Array.of(beat))
      await session.untilEvents(({ frames }) => frames.length === beat)
    }
    assert.not(session.hasLeft)
  })

  test('[D8] a connection that we do not let speak is not half-open', async () => {
    await open({ options: { heartbeat: BEAT } })
    // Polls go on beside what is sent.
    const isPolled = kind.name === 'polled event stream'
    const client = await line({ isAnswering: isPolled })
    const session = await door.registry.session()
    let goOn = (): void => {}
    session.onFrame = () =>
      new Promise(resolve => {
        goOn = resolve
      })
    client.send(Uint8Array.of(1))
    client.send(Uint8Array.of(2))
    await session.untilEvents(({ frames }) => frames.length === 1)
    for (let beat = 1; beat <= 3; beat++) {
      const before = door.requests
      door.beat(1_000)
      assert.not(session.hasLeft)
      await until('it asks again', () => !isPolled || (client.pings === beat && door.requests > before))
    }
    goOn()
  })

  test('[D9] a session is left when its client vanishes, and once', async () => {
    await open()
    const client = await line()
    const session = await door.registry.session()
    session.peer.send(Uint8Array.of(1))
    await until('it listens', () => client.frames.length === 1)
    // A poll has to be out, or only a beat can tell.
    await until('it asks again', () => kind.name !== 'polled event stream' || door.requests === 3)
    client.terminate()
    await session.untilEvents(({ hasLeft }) => hasLeft)
    await isGone()
    assert.is(session.events.filter(({ type }) => type === 'left').length, 1)
  })

  test('[D9] closing the door ends what is left and gives every place back', async () => {
    await open()
    const clients = [await line(), await line()]
    const sessions = [await door.registry.session(0), await door.registry.session(1)]
    await Promise.all([door.door.close(10), door.streams.close(10)])
    assert.ok(sessions.every(({ hasLeft }) => hasLeft))
    await Promise.all(clients.map(({ ended }) => ended))
    await isGone()
  })

  test('[D10] a join that fails closes with its code and leaves nothing', async () => {
    await open()
    door.registry.onJoin = () => {
      throw new PlenumError('load_failed', undefined, { cause: new Error('the page is torn') })
    }
    assert.is(await (await line()).ended, 4500)
    await isGone()
  })

  test('[D10] a client that leaves while it joins is left at once when it has joined', async () => {
    await open()
    const { isJoining, ready } = holdJoins()
    const client = await line()
    await isJoining
    client.leave()
    await isGone()
    ready()
    const session = await door.registry.session()
    await session.untilEvents(({ hasLeft }) => hasLeft)
  })

  test('[D11] frames go out before the close that follows them, and it comes once', async () => {
    await open()
    const client = await line()
    const { peer } = await door.registry.session()
    for (const byte of range(10)) peer.send(Uint8Array.of(byte))
    peer.close('replaced', 'x'.repeat(500))
    peer.close('internal')
    peer.send(Uint8Array.of(99))
    assert.is(await client.ended, 4410)
    assert.equal(firstBytes(client.frames), range(10))
    await door.untilTold('closed plenum replaced')
    await isGone()
  })

  test('[D11] a client that takes no close is cut off', async () => {
    await open()
    const client = await line({ isAnswering: false })
    const session = await door.registry.session()
    session.peer.send(Uint8Array.of(1))
    await until('it listens', () => client.frames.length === 1)
    client.pause()
    session.peer.send(new Uint8Array(32 * 1024 * 1024))
    await nextTurn()
    session.peer.close('too_slow')
    await session.untilEvents(({ hasLeft }) => hasLeft)
    door.beat(0)
    assert.is(door.connections, 1)
    door.beat(10_000)
    await door.untilTold('closed plenum too_slow')
    await isGone()
  })

  test('[D12] [D24] what a client has not taken counts, and its space hears when it has', async () => {
    await open()
    const client = await line()
    const session = await door.registry.session()
    session.peer.send(Uint8Array.of(1))
    await until('it listens', () => client.frames.length === 1)
    client.pause()
    // A poll may be out still: the first takes its answer.
    session.peer.send(new Uint8Array(8 * 1024 * 1024))
    await nextTurn()
    session.peer.send(new Uint8Array(8 * 1024 * 1024))
    await nextTurn()
    assert.ok(session.peer.bufferedBytes > 1024 * 1024, `${session.peer.bufferedBytes}`)
    client.resume()
    await session.untilEvents(({ events }) => events.some(({ type }) => type === 'drained'))
    await until('all is out', () => session.peer.bufferedBytes === 0)
    await until('it has all', () => client.frames.length === 3)
  })

  test('[D13] a session that throws or rejects is closed as an internal error, and no other', async () => {
    await open()
    const other = await line()
    const fail = (): never => {
      throw new Error('our own bug')
    }
    await door.registry.session(0)
    for (const [index, onFrame] of [
      [1, fail],
      [2, async () => fail()],
    ] as const) {
      const client = await line()
      const session = await door.registry.session(index)
      session.onFrame = onFrame
      client.send(Uint8Array.of(1))
      assert.is(await client.ended, 4500)
      assert.ok(session.hasLeft)
    }
    await door.untilTold('error internal error')
    other.send(Uint8Array.of(1))
    await (await door.registry.session(0)).untilEvents(({ frames }) => frames.length === 1)
  })

  test('[D16] a wish to go on is handed on, and what is no wish keeps nobody out', async () => {
    await open()
    const wishes = ['e1:7', 'e1:x', '', encodeURIComponent('e:1:7')]
    const handed = []
    for (const [index, wish] of wishes.entries()) {
      await line({ target: `/sync/demo?after=${wish}` })
      handed.push((await door.registry.session(index)).after)
    }
    const e1 = { epoch: 'e1', position: 7 }
    assert.equal(handed, [e1, null, null, { epoch: 'e:1', position: 7 }])
    assert.not(door.told.some(told => told.includes('after=')))
  })

  test('[D3] nobody comes in without a good token for this space, from elsewhere, or into a full server', async () => {
    await open({ limits: { origins: ['https://app.example'], maxConnections: 1 } })
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const exp = Math.floor(door.nowMs / 1000) + 60
    const endless = `${part({ alg: 'HS256' })}.${part({ sub: 'a', spaces: { '**': 'admin' } })}`
    const foreign = { user: 'a', spaces: { '**': 'admin' }, ttlMs: 60_000, nowMs: door.nowMs } as const
    const refused: readonly (readonly [ErrorCode, Partial<LineOptions>])[] = [
      ['unauthenticated', { token: null }],
      ['unauthenticated', { token: await signToken({ ...foreign, secret: 'another secret, just as long' }) }],
      [
        'unauthenticated',
        { token: `${part({ alg: 'none' })}.${part({ sub: 'a', exp, spaces: { '**': 'admin' } })}.` },
      ],
      [
        'unauthenticated',
        { token: `${endless}.${createHmac('sha256', SECRET).update(endless).digest('base64url')}` },
      ],
      ['token_expired', { token: await door.token({ demo: 'write' }, 'ann', -1_000) }],
      ['forbidden', { token: await door.token({ other: 'admin' }) }],
      ['bad_name', { target: '/sync/a%252fb' }],
      ['origin_denied', { headers: { origin: 'https://evil.example' } }],
    ]
    for (const [code, options] of refused) {
      assert.is(await (await line(options)).ended, ERRORS[code].close, code)
      await door.untilTold(`refused ${code}`)
    }
    await isGone()
    assert.is(door.registry.sessions.length, 0)
    await line({ headers: { origin: 'https://app.example' } })
    await door.registry.session()
    assert.is(await (await line()).ended, ERRORS.rate_limited.close)
  })

  test('[D3] [D4] while it drains everybody new is sent away, and those inside go on', async () => {
    await open()
    const client = await line()
    const session = await door.registry.session()
    door.door.stopAccepting()
    door.streams.stopAccepting()
    assert.is(await (await line()).ended, ERRORS.draining.close)
    client.send(Uint8Array.of(1))
    await session.untilEvents(({ frames }) => frames.length === 1)
    session.peer.send(Uint8Array.of(2))
    await until('it arrives', () => client.frames.length === 1)
  })

  test('[G6] inside, a fresh token is judged for the same user and space', async () => {
    await open()
    await line()
    const { authenticate } = await door.registry.session()
    assert.is((await authenticate(await door.token({ demo: 'read' }))).role, 'read')
    for (const token of [await door.token({ other: 'read' }), await door.token({ demo: 'read' }, 'eve')]) {
      assert.instance(await authenticate(token).catch(error => error), PlenumError)
    }
  })
}

/** Group commit: one at a time, in order, over failures. */
import { CommitQueue } from '../../../server/space/commit-queue.js'
import type { LoggedFlush } from '../../../server/space/update-store.js'
import type { SpaceName } from '../../../shared/names.js'
import { ControlledStore } from '../../support/controlled-store.js'
import { CountingObserver, spaceName } from '../../support/core.js'
import { FakeScheduler } from '../../support/fake-scheduler.js'
import { assert, suite } from '../../support/suite.js'
import { Writer } from '../../support/writer.js'

const test = suite('commit queue')

const [A, B] = [spaceName('a'), spaceName('b')]

const setup = () => {
  const store = new ControlledStore()
  const scheduler = new FakeScheduler()
  const observer = new CountingObserver()
  /** What was told, in order. */
  const told: string[] = []
  const queue = new CommitQueue({
    store,
    scheduler,
    observer,
    onDurable: (space, position) => told.push(`${space}${position}`),
    onLost: space => told.push(`lost ${space}`),
    onDegraded: () => told.push('degraded'),
    onRecovered: () => told.push('recovered'),
  })
  const writer = new Writer()
  const positions = new Map<SpaceName, number>()
  const append = (space: SpaceName): void => {
    const position = (positions.get(space) ?? 0) + 1
    positions.set(space, position)
    queue.append(space, flushAt(position, writer.type('x').update))
  }
  return { store, scheduler, observer, queue, told, append }
}

const flushAt = (position: number, update: Uint8Array): LoggedFlush => ({
  position,
  updates: [update],
  inputs: [],
  deliveries: [],
})

const groupsOf = (store: ControlledStore): string[] =>
  store.groups.map(group =>
    group.map(({ space, flushes }) => `${space}${flushes.map(f => f.position).join(',')}`).join(' '),
  )

test('[S9] while a group is under way the next collects, in one commit for all spaces', async () => {
  const { store, scheduler, queue, told, append } = setup()
  store.hold('append')
  append(A)
  await scheduler.settle()
  for (const space of [A, B, A, B, A]) append(space)
  await scheduler.settle()
  assert.equal(groupsOf(store), ['a1'])
  assert.equal(
    queue.pending(A).map(({ position }) => position),
    [1, 2, 3, 4],
  )
  store.release('append')
  await scheduler.advance(50)
  assert.equal(groupsOf(store), ['a1', 'a2,3,4 b1,2'])
  assert.equal(told, ['a1', 'a4', 'b2'])
  assert.equal([queue.uncommittedBytes, queue.uncommittedSpaces, queue.pending(A)], [0, [], []])
})

test('[S12] edits that trickle in wait for company, and whoever waits for all of them ends the wait', async () => {
  const { store, scheduler, queue, append } = setup()
  append(A)
  await scheduler.advance(10)
  for (const hurry of [() => queue.whenIdle(), () => queue.whenSaved(A), null]) {
    const before = store.groups.length
    append(A)
    await scheduler.advance(10)
    append(B)
    await scheduler.advance(10)
    assert.is(store.groups.length, before, 'waits')
    if (hurry === null) await scheduler.advance(20)
    else void hurry()
    await scheduler.settle()
    assert.is(store.groups.length, before + 1, 'went')
    await scheduler.advance(10)
  }
  assert.equal(groupsOf(store), ['a1', 'a2 b1', 'a3 b2', 'a4 b3'])
})

test('[S12] closing does not wait for company, and leaves no timer', async () => {
  const { store, scheduler, queue, append } = setup()
  append(A)
  await scheduler.advance(10)
  append(A)
  append(A)
  await scheduler.settle()
  assert.is(scheduler.pending, 1)
  queue.close()
  await scheduler.settle()
  assert.is(scheduler.pending, 0)
  assert.equal(groupsOf(store), ['a1'])
  assert.equal(queue.uncommittedSpaces, [A])
})

test('[O2] each commit is timed', async () => {
  const { store, scheduler, observer, append } = setup()
  store.hold('append')
  append(A)
  await scheduler.advance(7)
  store.release('append')
  await scheduler.settle()
  assert.equal(observer.timings, [{ event: 'commit', durationMs: 7 }])
})

test('[S1] [S9] nobody is told before the append has resolved', async () => {
  const { store, scheduler, queue, told, append } = setup()
  store.hold('append')
  append(A)
  await scheduler.advance(60_000)
  assert.equal(told, [])
  assert.ok(queue.uncommittedBytesOf(A) > 0)
  store.release('append')
  await scheduler.settle()
  assert.equal(told, ['a1'])
})

test('[S6] a failed group is retried as it was, before anything later', async () => {
  const { store, scheduler, queue, told, append } = setup()
  store.fail('append', 3)
  append(A)
  append(B)
  await scheduler.settle()
  assert.ok(queue.isDegraded)
  append(A)
  await scheduler.advance(10_000)
  assert.equal(groupsOf(store).slice(0, 4), ['a1', 'a1', 'a1', 'a1'])
  assert.equal(groupsOf(store).slice(4), ['b1 a2'])
  assert.equal(told, ['degraded', 'a1', 'recovered', 'b1', 'a2'])
  assert.not(queue.isDegraded)
})

test('[S6] the store is opened again before each retry, and its failing is a failed retry', async () => {
  const { store, scheduler, observer, told, append } = setup()
  store.fail('append', 1)
  store.fail('reopen', 2)
  append(A)
  await scheduler.advance(10_000)
  assert.equal(store.calls, ['append', 'reopen', 'reopen', 'reopen', 'append'])
  assert.equal(told, ['degraded', 'a1', 'recovered'])
  assert.is(observer.of('commit_failures'), 3)
  assert.equal(
    observer.reports.map(({ what }) => what),
    ['storage degraded', 'storage recovered'],
  )
})

test('[S6] a commit whose answer was lost is made again, and is one', async () => {
  const { store, scheduler, told, append } = setup()
  store.isNextAnswerLost = true
  append(A)
  await scheduler.advance(1000)
  append(A)
  await scheduler.settle()
  assert.equal(told, ['degraded', 'a1', 'recovered', 'a2'])
  assert.is((await store.load(A)).position, 2)
})

test('[S6] the pause between retries grows, up to three seconds', async () => {
  const { store, scheduler, append } = setup()
  store.fail('append')
  append(A)
  await scheduler.advance(1000)
  assert.is(store.count('append'), 4)
  await scheduler.advance(60_000)
  assert.ok(store.count('append') > 20 && store.count('append') < 30)
})

test('[S10] what the store will never take ends its space, and the rest of the group is committed', async () => {
  const { store, scheduler, queue, told, append } = setup()
  append(A)
  await scheduler.settle()
  store.hold('append')
  append(B)
  await scheduler.settle()
  // A position that is taken: our own bug, which no retry mends.
  queue.append(A, flushAt(1, new Writer().type('other').update))
  queue.append(B, flushAt(2, new Writer().type('b').update))
  await scheduler.settle()
  store.release('append')
  await scheduler.advance(10_000)
  assert.equal(told, ['a1', 'b1', 'lost a', 'b2'])
  assert.not(queue.isDegraded)
  assert.is(queue.uncommittedBytes, 0)
})

test('[S10] what follows a lost flush is lost with it: it would leave a gap', async () => {
  const { store, scheduler, queue, told, append } = setup()
  append(A)
  await scheduler.settle()
  store.hold('append')
  queue.append(A, flushAt(5, new Writer().type('too far').update))
  await scheduler.settle()
  queue.append(A, flushAt(6, new Writer().type('further').update))
  append(B)
  store.release('append')
  await scheduler.advance(10_000)
  assert.equal(told, ['a1', 'lost a', 'b1'])
  assert.equal([queue.uncommittedBytes, queue.uncommittedSpaces], [0, []])
})

test('[S6] closing gives up retrying, and leaves no timer', async () => {
  const { store, scheduler, queue, told, append } = setup()
  store.fail('append')
  append(A)
  await scheduler.advance(300)
  const idle = queue.whenIdle()
  queue.close()
  await idle
  await scheduler.settle()
  assert.is(scheduler.pending, 0)
  assert.equal(told, ['degraded'])
  assert.equal(queue.uncommittedSpaces, [A])
  append(A)
  await scheduler.advance(10_000)
  assert.equal(told, ['degraded'], 'nothing is taken any more')
})

test('[S6] closing lets the commit that is under way end', async () => {
  const { store, scheduler, queue, told, append } = setup()
  store.hold('append')
  append(A)
  await scheduler.settle()
  append(A)
  queue.close()
  store.release('append')
  await scheduler.settle()
  assert.equal(told, ['a1'])
  assert.equal(queue.uncommittedSpaces, [A])
})

test('[S9] waiting for one space does not wait for the others', async () => {
  const { store, scheduler, queue, append } = setup()
  const saved: string[] = []
  store.hold('append')
  append(A)
  void queue.whenSaved(A).then(() => saved.push('a'))
  void queue.whenIdle().then(() => saved.push('idle'))
  await scheduler.settle()
  append(B)
  store.release('append')
  store.hold('append')
  await scheduler.settle()
  assert.equal(saved, ['a'])
  store.release('append')
  await scheduler.settle()
  assert.equal(saved, ['a', 'idle'])
})

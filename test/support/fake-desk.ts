/** Spaces that hold nothing: what is asked of them is written down, and answered as the test says. */
import type { SpaceDesk, SpaceStats } from '../../server/space/space-desk.js'
import type { SpaceName } from '../../shared/names.js'

export const STATS: SpaceStats = {
  name: 'demo' as SpaceName,
  incarnation: 'f.1',
  createdAtMs: 1_000,
  deletedAtMs: null,
  isOpen: true,
  peers: 2,
  updatedAtMs: 2_000,
  position: 7,
  durablePosition: 6,
  snapshotPosition: 3,
  snapshotBytes: 400,
  logBytes: 50,
  membersHere: 1,
  membersLeft: 1,
  quarantine: null,
}

const MEMBER = { user: 'ann', name: 'Ann', joinedAtMs: 1_000, lastSeenMs: 2_000 }

/** What each method answers, where the test does not say. */
const answers: SpaceDesk = {
  snapshot: async name => ({
    incarnation: 'f.1',
    epoch: 'e',
    position: 7,
    stateVector: Uint8Array.of(1, 2, 3),
    presence: [{ clientId: 5, user: 'ann', state: { cursor: null } }],
    members: await answers.members(name),
    intentions: await answers.intentions(name),
  }),
  update: async () => ({ update: Uint8Array.of(0, 0), position: 7 }),
  edit: async () => ({ position: 8 }),
  json: async () => ({ content: 'hello' }),
  members: async () => [
    { ...MEMBER, connections: 0, left: { atMs: 3_000, reason: 'closed' } },
    { ...MEMBER, user: 'bob', name: null, connections: 1, left: null },
  ],
  intentions: async () => ({
    intentions: [
      {
        id: 'i',
        by: 'ann',
        text: 'write',
        status: 'active',
        createdAt: 1,
        modifiedAt: 2,
        verified: true,
        deliveredBy: { entry: 'ann', by: null },
      },
    ],
    invalid: [{ key: 'x', reason: '"id" is not the key' }],
  }),
  list: async () => ({ spaces: [STATS], next: null }),
  stats: async () => STATS,
  delete: async () => {},
  restore: async () => ({ incarnation: 'f.1' }),
  create: async () => ({ incarnation: 'f.2', isNew: true }),
  disconnect: async () => 2,
  revoke: async () => {},
  reinstate: async () => {},
  revocations: async space => [{ space, user: 'eve', atMs: 4_000 }],
  expectWelcome: async () => {},
}

type Method = keyof SpaceDesk

/** What was asked: the method and its arguments. */
export type Asked = readonly [Method, ...(readonly unknown[])]

/** The lock asks this each time. */
const OF_THE_LOCK: readonly Method[] = ['expectWelcome']

export const fakeDesk = (
  other: Partial<SpaceDesk> = {},
): { readonly desk: SpaceDesk; readonly asked: Asked[] } => {
  const asked: Asked[] = []
  const methods = { ...answers, ...other }
  const noting = Object.entries(methods).map(([name, method]) => [
    name,
    (...args: unknown[]) => {
      if (!OF_THE_LOCK.includes(name as Method)) asked.push([name as Method, ...args])
      return (method as (...args: unknown[]) => unknown)(...args)
    },
  ])
  return { desk: Object.fromEntries(noting) as SpaceDesk, asked }
}

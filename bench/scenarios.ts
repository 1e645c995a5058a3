/** The scenarios as data: which workload, with which numbers, on which servers. Each run is a fresh process and data folder. */
import type { Target } from './targets/target.js'
import type { Parameters, Workload } from './workload.js'
import { attacks } from './workloads/attacks.js'
import { capacity } from './workloads/capacity.js'
import { coldJoin } from './workloads/cold-join.js'
import { crowd } from './workloads/crowd.js'
import { cursors } from './workloads/cursors.js'
import { dying } from './workloads/dying.js'
import { fanout } from './workloads/fanout.js'
import { documentSize, growth, logLength, memberCount, pastClients } from './workloads/growth.js'
import { joinStorm } from './workloads/join-storm.js'
import { leaving } from './workloads/leaving.js'
import { members } from './workloads/members.js'
import { idleConnections, quietPapers, smallSpaces } from './workloads/memory.js'
import { pacedEdits } from './workloads/paced-edits.js'
import { paperUpload } from './workloads/paper-upload.js'
import { recovery } from './workloads/recovery.js'
import { resume } from './workloads/resume.js'
import { rooms } from './workloads/rooms.js'
import { savedRate } from './workloads/saved-rate.js'

export interface Scenario {
  readonly name: string
  readonly title: string
  /** Its part of the report. */
  readonly group: string
  readonly parameters: Parameters
  /** What a server needs to be in it, beyond being there. */
  readonly needs: readonly Need[]
  /** Why a server is not in it, by its name: what the needs exclude, and what does not get to the end. */
  readonly leftOut?: Readonly<Record<string, string>>
  readonly run: Workload
}

/**
 * `anywhere`: also on a server of which only the address is known. `documents`: it answers who joins. `storage`:
 * it keeps them. `plenum`: only ours can do it. `extension`: run with our own clients as well as with stock ones.
 */
export type Need = 'anywhere' | 'documents' | 'storage' | 'plenum' | 'extension'

const NO_STORAGE = 'it keeps nothing on disk'
const WITHOUT_STORAGE = { 'y-websocket-server': NO_STORAGE, relay: NO_STORAGE }
const NO_SAVED = 'it does not say when an edit is on disk'
const WITHOUT_SAVED = {
  'y-websocket-server': NO_SAVED,
  'hocuspocus-3': NO_SAVED,
  'hocuspocus-4': NO_SAVED,
  relay: NO_SAVED,
}

const CEILING = { relay: 'the fanout says what the ceiling is' }
const NO_PRESENCE = { relay: 'it does not know who is there' }
const NO_EARLIER_MEMBERS = { relay: 'it tells nobody who was there before' }
const FIXED_HEARTBEAT =
  'its default heartbeat of 30 s or more is kept, and two of them are longer than the run'
const WITHOUT_HEARTBEAT = {
  'y-websocket-server': FIXED_HEARTBEAT,
  'hocuspocus-3': FIXED_HEARTBEAT,
  'hocuspocus-4': FIXED_HEARTBEAT,
  ...NO_PRESENCE,
}
const NO_CROWD =
  'its cost grows with the square of the members: by members and crowd-250, 1,000 who renew every 15 s and 20 who move take it more time than there is'
const WITHOUT_CROWD = {
  'y-websocket-server': NO_CROWD,
  'hocuspocus-3': NO_CROWD,
  'hocuspocus-4': NO_CROWD,
  ...NO_PRESENCE,
}
const NO_WORKERS = 'it has one thread for everything'
const WITHOUT_WORKERS = {
  'y-websocket-server': NO_WORKERS,
  'hocuspocus-3': NO_WORKERS,
  'hocuspocus-4': NO_WORKERS,
  relay: NO_WORKERS,
}

const ONE_DOOR = 'it has no door but the WebSocket, and no client with another'
const WITHOUT_DOORS = {
  'y-websocket-server': ONE_DOOR,
  'hocuspocus-3': ONE_DOOR,
  'hocuspocus-4': ONE_DOOR,
  relay: ONE_DOOR,
}

const NO_GROWTH = 'how it grows is asked of Plenum alone'
const WITHOUT_GROWTH = {
  'y-websocket-server': NO_GROWTH,
  'hocuspocus-3': NO_GROWTH,
  'hocuspocus-4': NO_GROWTH,
  relay: NO_GROWTH,
}

const GROWTHS = [
  { what: 'document size', dimension: documentSize },
  { what: 'log length', dimension: logLength },
  { what: 'past clients', dimension: pastClients },
  { what: 'members', dimension: memberCount },
] as const

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'fanout',
    title: 'one room of 100 clients, 20 of them type 20 characters/s each',
    group: 'Editing together',
    parameters: { clients: 100, writers: 20, rate: 20, seconds: 8 },
    needs: ['anywhere', 'extension'],
    run: fanout,
  },
  {
    name: 'fanout-author',
    title: 'one room of 100 clients, one fast author of 200 characters/s',
    group: 'Editing together',
    parameters: { clients: 100, writers: 1, rate: 200, seconds: 8 },
    needs: ['anywhere', 'documents', 'extension'],
    leftOut: CEILING,
    run: fanout,
  },
  {
    name: 'capacity',
    title: 'the edits/s that a room of 100 clients with 20 writers takes with p99 ≤ 100 ms',
    group: 'Editing together',
    parameters: { clients: 100, writers: 20, rate: 0, seconds: 2 },
    needs: ['anywhere', 'documents'],
    leftOut: CEILING,
    run: capacity,
  },
  {
    name: 'rooms',
    title: '1,000 rooms of 2 clients, each of whom types a character a second',
    group: 'Editing together',
    parameters: { clients: 2_000, writers: 2_000, rate: 1, seconds: 12 },
    needs: ['anywhere', 'documents'],
    leftOut: CEILING,
    run: rooms({ clientsPerRoom: 2, writersPerRoom: 2 }),
  },
  {
    name: 'light',
    title:
      '20 rooms of 3 clients, one of whom types 5 characters/s: how long an edit takes where nothing is busy',
    group: 'Editing together',
    parameters: { clients: 60, writers: 20, rate: 5, seconds: 8 },
    needs: ['anywhere', 'documents'],
    leftOut: CEILING,
    run: rooms({ clientsPerRoom: 3, writersPerRoom: 1 }),
  },
  {
    name: 'cursors',
    title:
      'one room of 100 clients, each of whom moves a cursor 20 times a second; a server that is 2 s behind is given no more moves',
    group: 'Presence',
    parameters: { clients: 100, writers: 100, rate: 20, seconds: 5 },
    needs: ['anywhere'],
    run: cursors(false),
  },
  {
    name: 'cursors-deflate',
    title: 'the same with clients that offer permessage-deflate, and `--compression on` in Plenum',
    group: 'Presence',
    parameters: { clients: 100, writers: 100, rate: 20, seconds: 5 },
    needs: ['anywhere'],
    run: cursors(true),
  },
  {
    name: 'members',
    title: '600 members join one room, a state each; then each renews its state once in 15 s',
    group: 'Presence',
    parameters: { clients: 600, writers: 0, rate: 0, seconds: 15 },
    needs: ['anywhere', 'documents', 'extension'],
    leftOut: NO_EARLIER_MEMBERS,
    run: members,
  },
  {
    name: 'members-2000',
    title: 'the same with 2,000 members',
    group: 'Presence',
    parameters: { clients: 2_000, writers: 0, rate: 0, seconds: 15 },
    needs: ['anywhere', 'documents', 'extension'],
    leftOut: {
      'y-websocket-server':
        'it was not done after nine minutes: every client tells it of every member of whom it is told',
      'hocuspocus-3': 'it was not done after seven minutes',
      ...NO_EARLIER_MEMBERS,
    },
    run: members,
  },
  {
    name: 'crowd-250',
    title:
      'one room of 250 clients, 20 of whom move a cursor 10 times a second; a server that is 2 s behind is given no more moves, and the run fails where one who left is still shown',
    group: 'Presence',
    parameters: { clients: 250, writers: 20, rate: 10, seconds: 5 },
    needs: ['documents', 'extension'],
    leftOut: NO_PRESENCE,
    run: crowd,
  },
  {
    name: 'crowd',
    title: 'the same with 1,000 clients',
    group: 'Presence',
    parameters: { clients: 1_000, writers: 20, rate: 10, seconds: 5 },
    needs: ['plenum', 'extension'],
    leftOut: WITHOUT_CROWD,
    run: crowd,
  },
  {
    name: 'leaving',
    title: 'members of a room of 20 close their connections, one at a time, 5 in a second',
    group: 'Presence',
    parameters: { clients: 20, writers: 0, rate: 5, seconds: 8 },
    needs: ['anywhere', 'documents'],
    leftOut: NO_PRESENCE,
    run: leaving,
  },
  {
    name: 'leaving-100',
    title: 'the same in a room of 100',
    group: 'Presence',
    parameters: { clients: 100, writers: 0, rate: 5, seconds: 8 },
    needs: ['anywhere', 'documents'],
    leftOut: NO_PRESENCE,
    run: leaving,
  },
  {
    name: 'dying',
    title:
      '10 of 20 members die without a close, as a stopped process does; the heartbeat is set to 2 s (`PLENUM_HEARTBEAT`, 15 s by default)',
    group: 'Presence',
    parameters: { clients: 20, writers: 10, rate: 0, seconds: 2 },
    needs: ['plenum'],
    leftOut: WITHOUT_HEARTBEAT,
    run: dying,
  },
  {
    name: 'cold-join',
    title: 'a client opens the paper (260,000 keystrokes) after a restart of the server',
    group: 'Opening',
    parameters: { clients: 1, writers: 0, rate: 0, seconds: 0 },
    needs: ['documents', 'storage'],
    leftOut: WITHOUT_STORAGE,
    run: coldJoin,
  },
  {
    name: 'join-storm',
    title:
      '500 clients open the paper at once, while one has it open, eight times in a row; the relay is given the bytes to send',
    group: 'Opening',
    parameters: { clients: 500, writers: 0, rate: 0, seconds: 0 },
    needs: [],
    run: joinStorm,
  },
  {
    name: 'resume',
    title: 'who has the paper misses 100 edits and comes back; plenum.v1 is SpaceProvider',
    group: 'Opening',
    parameters: { clients: 2, writers: 1, rate: 100, seconds: 0 },
    needs: ['documents', 'extension'],
    leftOut: { relay: 'it keeps no documents' },
    run: resume,
  },
  {
    name: 'recovery',
    title: 'SpaceProvider gets through, and comes back after 9 cuts, on networks that break WebSockets',
    group: 'Opening',
    parameters: { clients: 9, writers: 1, rate: 0, seconds: 0 },
    needs: ['plenum'],
    leftOut: WITHOUT_DOORS,
    run: recovery,
  },
  {
    name: 'paced-5',
    title: 'one author types 5 characters/s in the paper, one reader',
    group: 'Storage',
    parameters: { clients: 2, writers: 1, rate: 5, seconds: 25 },
    needs: ['documents', 'storage'],
    leftOut: WITHOUT_STORAGE,
    run: pacedEdits,
  },
  {
    name: 'paced-100',
    title: 'one author types 100 characters/s in the paper, one reader',
    group: 'Storage',
    parameters: { clients: 2, writers: 1, rate: 100, seconds: 25 },
    needs: ['documents', 'storage'],
    leftOut: WITHOUT_STORAGE,
    run: pacedEdits,
  },
  {
    name: 'saved-rate',
    title: '100 writers in 100 spaces offer 20,000 edits/s in all',
    group: 'Storage',
    parameters: { clients: 100, writers: 100, rate: 200, seconds: 6 },
    needs: ['plenum'],
    leftOut: WITHOUT_SAVED,
    run: savedRate(0),
  },
  {
    name: 'saved-rate-slow',
    title: 'the same on a disk where each sync takes 5 ms more',
    group: 'Storage',
    parameters: { clients: 100, writers: 100, rate: 200, seconds: 6 },
    needs: ['plenum'],
    leftOut: WITHOUT_SAVED,
    run: savedRate(5),
  },
  {
    name: 'paper-upload',
    title: 'one author types the whole paper as fast as it goes, one reader follows',
    group: 'Storage',
    parameters: { clients: 2, writers: 1, rate: 0, seconds: 0 },
    needs: ['plenum'],
    leftOut: WITHOUT_SAVED,
    run: paperUpload,
  },
  {
    name: 'memory-spaces',
    title: 'memory of 2,000 small open spaces with a client each, 15 s after their last edit',
    group: 'Memory',
    parameters: { clients: 2_000, writers: 0, rate: 0, seconds: 15 },
    needs: ['documents'],
    leftOut: { relay: 'it keeps no documents' },
    run: smallSpaces,
  },
  {
    name: 'memory-papers',
    title: 'memory of 20 open papers that nobody edits, after 15 s',
    group: 'Memory',
    parameters: { clients: 20, writers: 0, rate: 0, seconds: 15 },
    needs: ['documents'],
    leftOut: { relay: 'it keeps no documents' },
    run: quietPapers,
  },
  {
    name: 'idle',
    title: 'memory of 2,000 connections in rooms of 100 that do nothing',
    group: 'Memory',
    parameters: { clients: 2_000, writers: 0, rate: 0, seconds: 3 },
    needs: [],
    run: idleConnections,
  },
  {
    name: 'attacks',
    title:
      '25 rooms are edited while another space is attacked, and while another server on the same machine is; a merging thread, and every core for the server',
    group: 'Isolation and growth',
    parameters: { clients: 50, writers: 25, rate: 5, seconds: 8 },
    needs: ['plenum'],
    leftOut: WITHOUT_WORKERS,
    run: attacks,
  },
  ...GROWTHS.map(
    ({ what, dimension }): Scenario => ({
      name: `growth-${what.replaceAll(' ', '-')}`,
      title: `how the CPU for the same work grows with the ${what}: from ${dimension.sizes[0]} to ${dimension.sizes.at(-1)}`,
      group: 'Isolation and growth',
      parameters: { clients: 0, writers: 0, rate: 0, seconds: 0 },
      needs: ['plenum'],
      leftOut: WITHOUT_GROWTH,
      run: growth(dimension),
    }),
  ),
]

export const isRemote = ({ needs }: Scenario): boolean => needs.includes('anywhere')

/** The names of the servers that a scenario runs on. */
export const targetsOf = ({ needs, leftOut = {} }: Scenario, targets: readonly Target[]): string[] =>
  targets.filter(target => meets(target, needs) && !(target.name in leftOut)).map(({ name }) => name)

const meets = (target: Target, needs: readonly Need[]): boolean =>
  (target.name !== 'plenum.v1' || needs.includes('extension')) &&
  (target.hasDocuments || !needs.includes('documents')) &&
  (target.isPersistent || !needs.includes('storage')) &&
  (target.role === 'ours' || !needs.includes('plenum'))

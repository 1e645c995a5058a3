/** The scenarios as data: which workload, with which numbers. Each run of one is a fresh process and data folder. */
import type { Workload } from './workload.js'
import { coldJoin } from './workloads/cold-join.js'
import { pacedEdits } from './workloads/paced-edits.js'
import { paperUpload } from './workloads/paper-upload.js'
import { savedRate } from './workloads/saved-rate.js'

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly run: Workload
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'paper-upload',
    title: 'one author types the whole paper as fast as it goes, one reader follows',
    run: paperUpload,
  },
  {
    name: 'cold-join',
    title: 'a client opens the paper after a restart of the server',
    run: coldJoin,
  },
  {
    name: 'paced-5',
    title: 'one author, 5 edits/s for 20 s, one reader',
    run: context => pacedEdits(context, { editsPerSecond: 5, seconds: 20 }),
  },
  {
    name: 'paced-100',
    title: 'one author, 100 edits/s for 20 s, one reader',
    run: context => pacedEdits(context, { editsPerSecond: 100, seconds: 20 }),
  },
  {
    name: 'saved-rate',
    title: '50 writers in 50 spaces, each sends the next edit when the last is saved',
    run: context => savedRate(context, { writers: 50, seconds: 10 }),
  },
]

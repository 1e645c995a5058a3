/** The thread that loads spaces, through a connection that never writes: loads go on while writing fails. */
import { workerData } from 'node:worker_threads'
import { createFailpoints } from '../failpoints.js'
import { encodeRowBatch } from '../row-batch.js'
import { readAttribution } from './attribution-table.js'
import { prepareCatalogueReader } from './catalogue-table.js'
import { openReadable } from './connection.js'
import { prepareJournalView } from './journal-view.js'
import { prepareLoad } from './load-space.js'
import { prepareLoadMembers } from './member-table.js'
import type { LoadedRows, ReaderExchanges, WorkerOptions } from './messages.js'
import { serveRequests } from './worker-port.js'

const { database, failpoints } = workerData as WorkerOptions
const passFailpoint = createFailpoints(failpoints)
const db = openReadable(database)
const waiting = prepareJournalView(db)
const load = prepareLoad(db, { isHidingDeleted: true, waiting })
const catalogue = prepareCatalogueReader(db, waiting)
const loadMembers = prepareLoadMembers(db)
const listCompactable = db
  .prepare(
    `SELECT name FROM spaces WHERE name > @after AND quarantine IS NULL AND EXISTS (
       SELECT 1 FROM log WHERE log.space = spaces.id AND log.last >
         coalesce((SELECT max(position) FROM snapshots WHERE snapshots.space = spaces.id), 0))
     ORDER BY name LIMIT @limit`,
  )
  .pluck()

serveRequests<ReaderExchanges>(
  {
    load: ({ space }) => {
      passFailpoint('load:before-read')
      const { rows, ...rest } = load(space)
      return { ...rest, rows: encodeRowBatch(rows) }
    },
    members: ({ space }) => loadMembers(space),
    'list-spaces': request => catalogue.list(request),
    'find-space': ({ space }) => catalogue.find(space),
    revocations: () => catalogue.revocations(),
    attribution: request => readAttribution(db, request, waiting),
    'list-compactable': request => listCompactable.all(request) as string[],
    close: () => {
      db.close()
      return null
    },
  },
  response => {
    const { rows, snapshot } = (response ?? {}) as Partial<LoadedRows>
    return [rows, snapshot?.update].filter(buffer => buffer !== undefined)
  },
)

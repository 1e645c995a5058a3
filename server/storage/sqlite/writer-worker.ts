/** The one thread that writes. Everything it does is a short transaction, synced before it is answered. */
import { workerData } from 'node:worker_threads'
import { createFailpoints } from '../failpoints.js'
import type { WorkerOptions, WriterExchanges } from './messages.js'
import { serveRequests } from './worker-port.js'
import { Writer } from './writer.js'

const { database, failpoints } = workerData as WorkerOptions
const passFailpoint = createFailpoints(failpoints)
let writer: Writer | null = null

const opened = (): Writer => {
  if (writer === null) throw new Error('the database is closed')
  return writer
}

const open = (nowMs: number): Writer => {
  writer?.close()
  writer = null
  writer = new Writer(database, passFailpoint, nowMs)
  return writer
}

serveRequests<WriterExchanges>({
  open: ({ nowMs }) => {
    const opened = open(nowMs)
    opened.endStays()
    return { id: opened.id, damage: opened.damage }
  },
  reopen: ({ nowMs }) => {
    const { damage } = open(nowMs)
    return { damage }
  },
  append: ({ rows, nowMs }) => {
    const writer = opened()
    writer.append(rows, nowMs)
    return writer.journalState
  },
  'fold-journal': () => opened().foldSome(),
  'fold-space': ({ space }) => {
    opened().foldSpace(space)
    return null
  },
  'store-part': part => opened().storePart(part),
  'clear-rubbish': () => opened().clearRubbish(),
  'store-snapshot': ({ snapshot, nowMs }) => opened().storeSnapshot(snapshot, nowMs),
  quarantine: ({ space, reason }) => {
    opened().quarantine(space, reason)
    return null
  },
  'save-members': ({ changes, nowMs }) => {
    opened().saveMembers(changes, nowMs)
    return null
  },
  'delete-space': ({ space, nowMs }) => {
    opened().deleteSpace(space, nowMs)
    return null
  },
  'restore-space': ({ space }) => opened().restoreSpace(space),
  'create-space': ({ space, nowMs }) => opened().createSpace(space, nowMs),
  revoke: revocation => {
    opened().revoke(revocation)
    return null
  },
  reinstate: ({ space, user }) => {
    opened().reinstate(space, user)
    return null
  },
  'prune-members': before => opened().pruneMembers(before),
  prune: ({ from, beforeMs }) => opened().prune(from, beforeMs),
  status: () => opened().status(),
  close: () => {
    writer?.close()
    writer = null
    return null
  },
})

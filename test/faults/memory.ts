/** A server process whose memory can be asked for, and the highest that it had over a stretch of time. */
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { type ServerOptions, type ServerProcess, startServer } from '../support/server-process.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import type { HeldMemory } from './memory-probe.js'

const PROBE = pathToFileURL(resolve(import.meta.dirname, 'memory-probe.js')).href
const SAMPLE_EVERY_MS = 100

export interface ProbedServer {
  readonly server: ServerProcess
  held(): Promise<HeldMemory>
  /** Samples until the promise settles. @returns the highest of each figure */
  highestDuring(run: Promise<unknown>): Promise<HeldMemory>
}

export const startProbedServer = async (options: ServerOptions = {}): Promise<ProbedServer> => {
  const socket = join(temporaryFolder('probe'), 'probe.sock')
  const server = await startServer({
    ...options,
    nodeFlags: ['--expose-gc', '--import', PROBE],
    env: { ...options.env, PLENUM_TEST_PROBE: socket },
  })
  const held = async (): Promise<HeldMemory> => JSON.parse(await text(connect(socket))) as HeldMemory
  const highestDuring = async (run: Promise<unknown>): Promise<HeldMemory> => {
    let isOver = false
    const over = run.finally(() => {
      isOver = true
    })
    let highest: HeldMemory = { heldBytes: 0, rssBytes: 0 }
    while (!isOver) {
      const { heldBytes, rssBytes } = await held()
      highest = {
        heldBytes: Math.max(highest.heldBytes, heldBytes),
        rssBytes: Math.max(highest.rssBytes, rssBytes),
      }
      await Promise.race([over, pause(SAMPLE_EVERY_MS)])
    }
    await over
    return highest
  }
  return { server, held, highestDuring }
}

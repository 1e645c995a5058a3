/**
 * An online backup: a consistent copy of the database as of one moment, taken by a reading connection while
 * the server writes on. The file appears under its name only when it is whole, checked and on disk.
 */
import { chmodSync, existsSync, linkSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { PlenumError } from '../../../shared/errors.js'
import { syncFile } from '../data-folder.js'
import { type Connection, openReadable } from './connection.js'
import { structureProblems } from './verify.js'

/**
 * @param path absolute; nothing may be there
 * @throws bad_request where it exists or cannot be written, internal where the copy is not sound
 */
export const writeBackup = (db: Connection, path: string): { bytes: number } => {
  const partial = `${path}.partial`
  if (existsSync(path)) throw new PlenumError('bad_request', `${path} exists already`)
  if (existsSync(partial))
    throw new PlenumError('bad_request', `${partial} exists already: is another backup being written?`)
  try {
    db.prepare('VACUUM INTO ?').run(partial)
    chmodSync(partial, 0o600)
    expectSound(partial)
    syncFile(partial)
    // Unlike a rename, a link never replaces what somebody put there meanwhile.
    linkSync(partial, path)
    rmSync(partial)
    syncFile(dirname(path))
    return { bytes: statSync(path).size }
  } catch (error) {
    removeQuietly(partial)
    if (error instanceof PlenumError) throw error
    throw new PlenumError(
      'bad_request',
      `the backup ${path} cannot be written: ${(error as Error).message}`,
      {
        cause: error,
      },
    )
  }
}

/** Where not even this works, the first error is the one to tell. */
const removeQuietly = (path: string): void => {
  try {
    rmSync(path, { force: true })
  } catch {
    // There is no such file, or no such folder.
  }
}

const expectSound = (file: string): void => {
  const copy = openReadable(file)
  try {
    const [problem] = structureProblems(copy)
    if (problem !== undefined) throw new PlenumError('internal', `the backup is not sound: ${problem}`)
  } finally {
    copy.close()
  }
}

/**
 * The files of a data folder. Whoever opens one holds its lock; a file or rename that must survive a power
 * loss is followed by an fsync of the folder.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { StartupError } from './startup-error.js'

export interface DataFolder {
  /** Absolute. */
  readonly path: string
  readonly database: string
  readonly lock: string
  readonly pid: string
  readonly socket: string
  /** A verified copy that a restore has decided on: whoever opens the folder next puts it in place. */
  readonly restored: string
}

export const dataFolder = (dataDir: string): DataFolder => {
  const path = resolve(dataDir)
  return {
    path,
    database: join(path, 'plenum.sqlite'),
    lock: join(path, 'lock.sqlite'),
    pid: join(path, 'server.pid'),
    socket: join(path, 'admin.sock'),
    restored: join(path, 'restored.sqlite'),
  }
}

/**
 * Makes the folder (mode 0700) where only it is missing, not its parents.
 * @throws StartupError
 */
export const makeDataFolder = (folder: DataFolder): void => {
  try {
    mkdirSync(folder.path, { mode: 0o700 })
    syncFile(dirname(folder.path))
  } catch (error) {
    if (isDirectory(folder.path)) return
    throw new StartupError('folder', `the data folder ${folder.path} ${folderProblem(error)}`, {
      cause: error,
    })
  }
}

/**
 * Checks that a folder which should hold data does.
 * @throws StartupError
 */
export const expectDataFolder = (folder: DataFolder): void => {
  if (existsSync(folder.database) || existsSync(folder.restored)) return
  throw new StartupError('folder', `${folder.path} is not a Plenum data folder: there is no database in it`)
}

/** Fsyncs a file, or a folder's list of files. */
export const syncFile = (path: string): void => {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/**
 * Finishes a restore that was decided on: the database there is now is moved aside, never deleted, and the
 * restored one takes its place. Every step may be the last before a crash and is then taken up again; the
 * write-ahead log goes first, because beside another database it would be replayed into it.
 * @returns where the replaced database is, or null where there was nothing to do
 */
export const finishRestore = (folder: DataFolder): string | null => {
  if (!existsSync(folder.restored)) return null
  const stamp = statSync(folder.restored).mtime.toISOString().replaceAll(/[:.]/g, '-')
  const aside = join(folder.path, `replaced-${stamp}.sqlite`)
  for (const suffix of ['-wal', '-shm', '']) {
    if (existsSync(folder.database + suffix)) renameSync(folder.database + suffix, aside + suffix)
  }
  syncFile(folder.path)
  renameSync(folder.restored, folder.database)
  syncFile(folder.path)
  return existsSync(aside) ? aside : null
}

const isDirectory = (path: string): boolean => {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

const folderProblem = (error: unknown): string => {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'cannot be made: its parent folder does not exist'
    case 'EEXIST':
    case 'ENOTDIR':
      return 'is not a folder'
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'cannot be made: permission denied'
    default:
      return `cannot be made: ${(error as Error).message}`
  }
}

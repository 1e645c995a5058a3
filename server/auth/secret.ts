/**
 * The secret that tokens are signed with: given, or drawn once and kept in the data folder, readable by its
 * owner only and on disk before anything is signed with it.
 */
import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { PlenumError } from '../../shared/errors.js'

export const SECRET_FILE = 'secret'
/**
 * RFC 7518 §3.2: a key for HS256 has at least the size of the hash. A shorter one that was given is used all the
 * same, as scripts and tests do, and the operator is warned.
 */
export const STRONG_SECRET_BYTES = 32

export interface Secret {
  readonly value: string
  /** Where it came from, for one line to the operator. */
  readonly source: 'given' | 'kept' | 'drawn'
  /** Shorter than what HS256 asks for: it may be guessed. */
  readonly isWeak: boolean
}

/**
 * The given secret, else the one in the data folder, which is created with a fresh secret where it is not
 * there yet. Two processes that come at the same time end with the same secret.
 * @throws bad_request for an empty secret; file system errors as they come
 */
export const resolveSecret = async (given: string | null, dataDir: string): Promise<Secret> => {
  if (given !== null) return describe(checkSecret(given, 'PLENUM_SECRET'), 'given')
  const file = join(dataDir, SECRET_FILE)
  const kept = await readSecret(file)
  if (kept !== null) return describe(kept, 'kept')
  const isFirst = await drawSecret(dataDir, file)
  const value = await readSecret(file)
  if (value === null) throw new PlenumError('internal', `${file} vanished while it was read`)
  return describe(value, isFirst ? 'drawn' : 'kept')
}

const describe = (value: string, source: Secret['source']): Secret => ({
  value,
  source,
  isWeak: Buffer.byteLength(value, 'utf8') < STRONG_SECRET_BYTES,
})

/** @throws bad_request */
const checkSecret = (secret: string, where: string): string => {
  if (secret !== '') return secret
  throw new PlenumError('bad_request', `${where} is empty`)
}

const readSecret = async (file: string): Promise<string | null> => {
  try {
    return checkSecret((await readFile(file, 'utf8')).trim(), file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** Whether the drawn secret became the one that is kept: `link` fails where another process was first. */
const drawSecret = async (dataDir: string, file: string): Promise<boolean> => {
  await makeFolder(dataDir)
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  const handle = await open(draft, 'wx', 0o600)
  try {
    await handle.writeFile(`${randomBytes(STRONG_SECRET_BYTES).toString('base64url')}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  try {
    await link(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  } finally {
    await unlink(draft)
    await syncFolder(dataDir)
  }
}

/** Only the folder itself: a missing parent is more likely a typing error than a wish. */
const makeFolder = async (folder: string): Promise<void> => {
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

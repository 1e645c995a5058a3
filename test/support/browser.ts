/**
 * A real Chromium without a window: named by `PLENUM_CHROMIUM` or `PUPPETEER_EXECUTABLE_PATH`, found on the
 * system, or unpacked from the package `@sparticuz/chromium`. It and its profile are gone with the test at the
 * latest.
 */
import { spawnSync } from 'node:child_process'
import { createReadStream, createWriteStream, existsSync, mkdirSync, renameSync } from 'node:fs'
import { userInfo } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { createBrotliDecompress } from 'node:zlib'
import puppeteer, { type Browser } from 'puppeteer'
import { tieToThisProcess } from './lifeline.js'
import { root } from './sources.js'
import { removeFolder, temporaryFolder } from './temporary-folder.js'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'] as const
const PACKAGE = '@sparticuz/chromium'
const CACHE = join(root, 'node_modules/.cache/plenum')

/** Where a Chromium that runs is, or why there is none. */
export type Found =
  | { readonly path: string; readonly reason: null }
  | { readonly path: null; readonly reason: string }

export const findChromium = async (): Promise<Found> => {
  const { PLENUM_CHROMIUM, PUPPETEER_EXECUTABLE_PATH } = process.env
  const named = PLENUM_CHROMIUM || PUPPETEER_EXECUTABLE_PATH
  if (named) return tried(named)
  const path = onPath()
  return tried(path ?? (await unpacked()))
}

export interface RunningBrowser {
  readonly browser: Browser
  /** Idempotent. */
  close(): Promise<void>
}

/** @param path as `findChromium` found it */
export const startBrowser = async (path: string): Promise<RunningBrowser> => {
  const userDataDir = temporaryFolder('chromium')
  const browser = await puppeteer.launch({
    executablePath: path,
    headless: 'shell',
    userDataDir,
    args: [
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-gpu',
      '--disable-quic',
      '--disable-sync',
      '--no-first-run',
      ...(userInfo().uid === 0 ? ['--no-sandbox'] : []),
    ],
  })
  const child = browser.process()
  if (child !== null) tieToThisProcess(child)
  return {
    browser,
    close: async () => {
      await browser.close()
      child?.kill('SIGKILL')
      removeFolder(userDataDir)
    },
  }
}

const onPath = (): string | null => {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(folder => folder !== '')
  const paths = NAMES.flatMap(name => folders.map(folder => join(folder, name)))
  return paths.find(path => existsSync(path)) ?? null
}

/** Once for each installation. Whoever finds it under its name finds it whole, also where two unpack at once. */
const unpacked = async (): Promise<string> => {
  const path = join(CACHE, 'chromium')
  if (existsSync(path)) return path
  mkdirSync(CACHE, { recursive: true })
  const packed = join(dirname(fileURLToPath(import.meta.resolve(PACKAGE))), '../../bin/chromium.br')
  const draft = `${path}.${process.pid}`
  const target = createWriteStream(draft, { mode: 0o755 })
  await pipeline(createReadStream(packed), createBrotliDecompress(), target)
  renameSync(draft, path)
  return path
}

/** One that cannot even tell its version lacks a library of the system. */
const tried = (path: string): Found => {
  const { status, stderr, error } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 })
  if (status === 0) return { path, reason: null }
  const why = error?.message ?? stderr.trim().split('\n').at(-1) ?? ''
  const packages = 'the Debian packages libnss3 and libexpat1, or chromium itself, bring what it needs'
  return { path: null, reason: `${path} does not run (${why}); ${packages}` }
}

/** A server that somebody else runs, of which the address is known, and perhaps the process id. */
import type { Dialect } from '../dialects/dialect.js'
import { type Usage, usageOf } from '../process-usage.js'
import type { RunningServer, Target } from './target.js'

export interface RemoteOptions {
  /** `ws://host/path`: the space goes behind it, as a stock provider does. */
  readonly url: string
  readonly token: string | null
  readonly pid: number | null
  readonly dialect: Dialect
  /** Stands behind a space's name, drawn anew for each run: what an earlier one typed would be no news to anybody. */
  readonly spaceSuffix: () => string
}

export const remote = ({ url, token, pid, dialect, spaceSuffix }: RemoteOptions): Target => ({
  name: url.replace(/\?.*/, ''),
  version: 'unknown',
  role: 'ours',
  isPersistent: false,
  hasDocuments: true,
  isMeasured: pid !== null,
  unavailable: null,
  notes: pid === null ? 'no CPU figures: give its process id by --pid' : '',
  start: async (): Promise<RunningServer> => {
    const suffix = spaceSuffix()
    return {
      dialect,
      address: async space => {
        const address = new URL(url)
        address.pathname = `${address.pathname.replace(/\/+$/, '')}/${space}${suffix}`
        if (token !== null) address.searchParams.set('token', token)
        return { url: address.href, protocols: [] }
      },
      usage: (): Usage => (pid === null ? UNKNOWN_USAGE : usageOf(pid)),
      memory: () => cannot('tell its memory'),
      storedBytes: () => Number.NaN,
      start: async () => {},
      restart: () => cannot('be restarted'),
      kill9: () => cannot('be killed'),
      dispose: async () => {},
    }
  },
})

const UNKNOWN_USAGE: Usage = { cpuSeconds: Number.NaN, writtenBytes: Number.NaN, rssBytes: Number.NaN }

const cannot = async (what: string): Promise<never> => {
  throw new Error(`a server that runs elsewhere cannot ${what}`)
}

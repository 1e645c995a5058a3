/**
 * Every setting of the server: one typed table of name, environment variable, flag, parser, default and
 * description. Only this file reads the environment; a flag beats a variable.
 */
import {
  choice,
  duration,
  integer,
  integerOrAuto,
  list,
  type Option,
  optionalText,
  size,
  text,
} from './config/options.js'
import { DEFAULT_LIMITS } from './space/limits.js'
import { parseIdentityPath } from './space/stamp.js'

const named = (env: string, description: string) => ({
  env: `PLENUM_${env}`,
  flag: env.toLowerCase().replaceAll('_', '-'),
  description,
})

const checkOrigin = (value: string): string | null => {
  if (value === '*' || value === 'null') return null
  const isExact = URL.canParse(value) && new URL(value).origin === value
  return isExact ? null : 'a list of exact origins such as https://app.example, or *'
}

const checkBasePath = (value: string): string | null =>
  value === '' || /^(\/[A-Za-z0-9._~-]+)+$/.test(value)
    ? null
    : 'a path such as /plenum, without a slash at its end'

const checkIdentity = (value: string): string | null =>
  parseIdentityPath(value) === null && value !== 'none'
    ? 'a list of paths such as user.name=name or user.id=id, or none'
    : null

const notEmpty = (value: string): string | null => (value.trim() === '' ? 'not empty' : null)

export const CONFIG_TABLE = Object.freeze({
  port: integer(named('PORT', 'TCP port; 0 picks a free one'), 1234, { min: 0, max: 65_535 }),
  host: text(
    named('HOST', 'Address to listen on; `0.0.0.0` or `::` for every interface'),
    '127.0.0.1',
    notEmpty,
  ),
  dataDir: text(named('DATA', 'Data folder; made where only it is missing'), '.plenum', notEmpty),
  secret: optionalText(
    {
      env: 'PLENUM_SECRET',
      flag: null,
      description:
        'HS256 key of the tokens, 32 bytes or more (a shorter one is used with a warning); without it one is drawn and kept in the data folder (file `secret`, mode 0600)',
    },
    notEmpty,
  ),
  audience: optionalText(named('AUDIENCE', 'Required `aud` of a token'), notEmpty),
  issuer: optionalText(named('ISSUER', 'Required `iss` of a token'), notEmpty),
  clockSkewMs: duration(named('CLOCK_SKEW', 'How far the clock of whoever signs tokens may be off'), 0, {
    min: 0,
    max: 60_000,
  }),
  origins: list(
    named(
      'ORIGINS',
      'Web origins that may connect, exact, separated by commas; none: pages from the same host only (on localhost from any port); `*`: every page',
    ),
    checkOrigin,
  ),
  basePath: text(named('BASE_PATH', 'Path in front of every route, behind a proxy'), '', checkBasePath),
  trustProxy: integer(
    named('TRUST_PROXY', 'How many proxies of yours stand in front: their `X-Forwarded-For` is believed'),
    0,
    { min: 0, max: 16 },
  ),
  maxFrameBytes: size(named('MAX_FRAME', 'Largest message of a client'), DEFAULT_LIMITS.maxFrameBytes, {
    min: 1024,
    max: 2 ** 30,
  }),
  maxDocumentBytes: size(
    named('MAX_DOCUMENT', 'Largest document, encoded'),
    DEFAULT_LIMITS.maxDocumentBytes,
    {
      min: 1024,
      max: 2 ** 30,
    },
  ),
  maxAwarenessBytes: size(
    named('MAX_AWARENESS', 'Largest awareness state of a client'),
    DEFAULT_LIMITS.maxAwarenessBytes,
    { min: 128, max: 2 ** 24 },
  ),
  identityPaths: list(
    named(
      'IDENTITY',
      'Where `id` and `name` of the token are written into awareness states, separated by commas, such as `user.name=name` (a `name` only where the token has one); `none`: nowhere but in `plenum`',
    ),
    checkIdentity,
    DEFAULT_LIMITS.identityPaths,
  ),
  memberGraceMs: duration(
    named('MEMBER_GRACE', 'Whoever comes back within this time has never left'),
    DEFAULT_LIMITS.memberGraceMs,
    { min: 0, max: 86_400_000 },
  ),
  maxMembersLeft: integer(
    named('MEMBERS_LEFT', 'How many members who left a space remembers, the latest of them'),
    DEFAULT_LIMITS.maxMembersLeft,
    { min: 0, max: 100_000 },
  ),
  memberRetentionMs: duration(
    named('MEMBER_RETENTION', 'How long they are remembered'),
    DEFAULT_LIMITS.memberRetentionMs,
    { min: 0 },
  ),
  signalsPerSecond: integer(
    named('SIGNALS', 'Signals that one connection may send per second, and at once after a pause'),
    DEFAULT_LIMITS.signalsPerSecond,
    { min: 1, max: 10_000 },
  ),
  readersSignal: choice(
    named('READ_SIGNALS', 'Whether connections with the role `read` may send signals'),
    DEFAULT_LIMITS.readersSignal,
    ['on', 'off'],
  ),
  maxPeersPerSpace: integer(
    named('MAX_PEERS_PER_SPACE', 'Connections to one space'),
    DEFAULT_LIMITS.maxPeersPerSpace,
    { min: 1 },
  ),
  maxConnections: integer(named('MAX_CONNECTIONS', 'Connections in all'), 10_000, { min: 1 }),
  maxConnectionsPerIp: integer(
    named('MAX_CONNECTIONS_PER_IP', 'Connections from one address (IPv6: from one /64)'),
    2_500,
    { min: 1 },
  ),
  maxFailedUpgradesPerMinute: integer(
    named('MAX_FAILED_UPGRADES', 'Upgrades without a valid token from one address per minute'),
    300,
    { min: 1 },
  ),
  maxRequestsPerUser: integer(
    named('MAX_REQUESTS_PER_USER', 'Requests to the HTTP API that one user may have open at a time'),
    100,
    { min: 1 },
  ),
  maxRequestsPerMinute: integer(
    named('MAX_REQUESTS', 'Requests to the HTTP API that one user may begin per minute'),
    6_000,
    { min: 1 },
  ),
  gateTimeoutMs: duration(
    named(
      'GATE_TIMEOUT',
      'How long `authorize`, or a gate of the application, may take to say who somebody is; then whoever waits is refused with `internal`',
    ),
    10_000,
    { min: 100, max: 600_000 },
  ),
  heartbeatMs: duration(
    named(
      'HEARTBEAT',
      'How often a connection is pinged; one without a sign of life is gone within two beats',
    ),
    15_000,
    { min: 100 },
  ),
  peerBudgetBytes: size(
    named('PEER_BUDGET', 'What may wait for one slow connection before it is caught up by one diff instead'),
    DEFAULT_LIMITS.peerBudgetBytes,
    { min: 1024 },
  ),
  slowPeerDeadlineMs: duration(
    named('SLOW_PEER_DEADLINE', 'A slow connection that takes nothing for this long is closed'),
    DEFAULT_LIMITS.slowPeerDeadlineMs,
    { min: 100 },
  ),
  maxInboxBytes: size(
    named('MAX_INBOX', 'Edits of one space that may wait; beyond it its writers are not read from'),
    DEFAULT_LIMITS.maxInboxBytes,
    { min: 1024 },
  ),
  maxUncommittedBytes: size(
    named('MAX_UNCOMMITTED', 'Edits of one space that may be applied and not yet on disk'),
    DEFAULT_LIMITS.maxUncommittedBytes,
    { min: 1024 },
  ),
  storeTimeoutMs: duration(
    named(
      'STORE_TIMEOUT',
      'How long the store may take to read what is stored of a space; then whoever waits is told to come back',
    ),
    DEFAULT_LIMITS.storeTimeoutMs,
    { min: 1_000, max: 3_600_000 },
  ),
  evictAfterMs: duration(
    named('EVICT_AFTER', 'How long an empty space stays in memory'),
    DEFAULT_LIMITS.evictAfterMs,
    { min: 0 },
  ),
  dormantAfterMs: duration(
    named('DORMANT_AFTER', 'After how long without an edit an open document is kept as bytes alone'),
    DEFAULT_LIMITS.dormantAfterMs,
    { min: 0 },
  ),
  flushWindowMaxMs: duration(
    named('FLUSH_WINDOW_MAX', 'How long a busy space collects edits at most before it relays them'),
    DEFAULT_LIMITS.flushWindowMaxMs,
    { min: 0, max: 1_000 },
  ),
  readIntervalMs: duration(
    named(
      'READ_INTERVAL',
      'How long a message may lie while four or more come in that time, so that they are read together, for less CPU; 0: each is read at once, as it always is inside an application',
    ),
    4,
    { min: 0, max: 100 },
  ),
  workers: integerOrAuto(
    named(
      'WORKERS',
      'Threads that merge documents, beside the one that serves connections; 0: that one merges, too, and an update that costs much delays every space; `auto`: 0 on one or two cores, else one less than there are, 8 at most',
    ),
    { min: 0, max: 64 },
  ),
  engineTimeoutMs: duration(
    named(
      'ENGINE_TIMEOUT',
      'With workers: how long one step of merging may take (loading a document five times as long), and a second more per megabyte; then its thread is ended and its update refused',
    ),
    5_000,
    { min: 100, max: 600_000 },
  ),
  engineBurstMs: duration(
    named(
      'ENGINE_BURST',
      'Merging that one connection may cause at once; then it is read from as its share allows, and closed at six times as much',
    ),
    DEFAULT_LIMITS.engineBurstMs,
    { min: 10 },
  ),
  engineSharePercent: integer(
    named('ENGINE_SHARE', 'The part of a core that merging for one connection may use for long, percent'),
    DEFAULT_LIMITS.engineSharePercent,
    { min: 1, max: 100 },
  ),
  maxStuckCalls: integer(
    named('MAX_STUCK', 'With workers: steps of merging that took too long before their space is suspended'),
    DEFAULT_LIMITS.maxStuckCalls,
    { min: 1 },
  ),
  suspensionMs: duration(
    named('SUSPENSION', 'How long such a space is read-only, or refused where loading it took too long'),
    DEFAULT_LIMITS.suspensionMs,
    { min: 1_000 },
  ),
  workerHeapBytes: size(
    named('WORKER_HEAP', 'With workers: largest heap of one; beyond it the thread is ended'),
    2 * 2 ** 30,
    { min: 32 * 2 ** 20, max: 2 ** 36 },
  ),
  drainDeadlineMs: duration(
    named('DRAIN_DEADLINE', 'How long a shutdown may take to save and say goodbye'),
    8_000,
    { min: 0 },
  ),
  retentionDays: integer(
    named('RETENTION_DAYS', 'How long the log behind a snapshot is kept as history, days'),
    30,
    {
      min: 0,
      max: 36_500,
    },
  ),
  compression: choice(
    named(
      'COMPRESSION',
      'Whether messages are compressed where clients offer it: a tenth of the traffic in rooms with many cursors, for more CPU and memory',
    ),
    'off',
    ['on', 'off'],
  ),
  metrics: choice(
    named('METRICS', 'Whether `/metrics` is served; it needs no token and names no user or space'),
    'on',
    ['on', 'off'],
  ),
  demo: choice(
    named('DEMO', 'Whether the demo page is served at `/`; `plenum start` always serves it'),
    'off',
    ['on', 'off'],
  ),
  logLevel: choice(named('LOG_LEVEL', 'What is logged, to standard error'), 'info', [
    'debug',
    'info',
    'warn',
    'error',
    'silent',
  ]),
  failpoints: text(
    {
      env: 'PLENUM_FAILPOINTS',
      flag: null,
      description: 'For tests only: places where the store is made to fail',
    },
    '',
  ),
})

type Table = typeof CONFIG_TABLE
export type ConfigName = keyof Table
export type Config = {
  readonly [Name in ConfigName]: Table[Name] extends Option<infer Value> ? Value : never
}

/** Every bad setting, one a line. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

export interface ConfigSources {
  /** The process's own by default. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Flags by their name without dashes. */
  readonly flags?: Readonly<Record<string, string | undefined>>
}

/**
 * The settings, frozen. An empty variable counts as not set.
 * @throws ConfigError with every bad value at once
 */
export const loadConfig = ({ env = process.env, flags = {} }: ConfigSources = {}): Config => {
  const problems: string[] = []
  const config: Record<string, unknown> = {}
  for (const [name, option] of entries()) {
    const fromFlag = option.flag === null ? undefined : flags[option.flag]
    const given = fromFlag ?? (env[option.env] === '' ? undefined : env[option.env])
    const source = fromFlag === undefined ? option.env : `--${option.flag}`
    try {
      config[name] = given === undefined ? option.fallback : option.read(given)
    } catch (error) {
      problems.push(`${source} must be ${(error as Error).message}`)
    }
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze(config) as Config
}

/** The defaults with some settings replaced: for embedders, who pass typed values. */
export const configWith = (settings: Partial<Config>): Config =>
  Object.freeze({ ...loadConfig({ env: {} }), ...settings })

/** The table as Markdown, for the README. */
export const renderConfigTable = (): string => {
  const rows = entries().map(([, option]) => {
    const shown = option.show(option.fallback)
    const flag = option.flag === null ? '' : `\`--${option.flag}\``
    return `| \`${option.env}\` | ${flag} | ${shown === '' ? '' : `\`${shown}\``} | ${option.description} |`
  })
  return ['| variable | flag | default | what it sets |', '|---|---|---|---|', ...rows].join('\n')
}

/** The table as text, for `--help`. */
export const renderConfigHelp = (): string => {
  const lines = entries().map(([, option]) => {
    const shown = option.show(option.fallback)
    return [option.flag === null ? option.env : `--${option.flag}`, option.description, shown] as const
  })
  const width = Math.max(...lines.map(([flag]) => flag.length))
  return lines
    .map(([flag, what, shown]) => `  ${flag.padEnd(width)}  ${what}${shown === '' ? '' : ` [${shown}]`}`)
    .join('\n')
}

const entries = () => Object.entries(CONFIG_TABLE) as [ConfigName, Option<unknown>][]

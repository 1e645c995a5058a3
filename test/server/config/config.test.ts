/** The settings: read, checked and shown from one table. */
import {
  formatDuration,
  formatSize,
  parseDurationMs,
  parseSizeBytes,
} from '../../../server/config/quantities.js'
import {
  CONFIG_TABLE,
  ConfigError,
  configWith,
  loadConfig,
  renderConfigHelp,
} from '../../../server/config.js'
import { DEFAULT_LIMITS } from '../../../server/space/limits.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('config')

const problemsOf = (env: Record<string, string>, flags: Record<string, string> = {}): readonly string[] => {
  try {
    loadConfig({ env, flags })
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

test('[O4] without anything set every setting has its default', () => {
  const config = loadConfig({ env: {} })

  assert.is(config.port, 1234)
  assert.is(config.host, '127.0.0.1')
  assert.is(config.dataDir, '.plenum')
  assert.is(config.secret, null)
  assert.equal(config.origins, [])
  for (const [name, value] of Object.entries(DEFAULT_LIMITS)) {
    assert.is(config[name as keyof typeof config], value, name)
  }
})

test('[O4] a flag beats a variable, and an empty variable is not set', () => {
  const env = { PLENUM_PORT: '1000', PLENUM_HOST: '', PLENUM_DATA: '/data' }

  const config = loadConfig({ env, flags: { port: '2000' } })

  assert.equal([config.port, config.host, config.dataDir], [2000, '127.0.0.1', '/data'])
})

test('[O4] the settings are frozen', () => {
  const config = loadConfig({ env: { PLENUM_ORIGINS: 'https://a.example, https://b.example:8443' } })

  assert.equal(config.origins, ['https://a.example', 'https://b.example:8443'])
  assert.throws(() => Object.assign(config, { port: 1 }), TypeError)
  assert.throws(() => (config.origins as string[]).push('x'), TypeError)
  assert.throws(() => Object.assign(configWith({ port: 5 }), { port: 1 }), TypeError)
  assert.is(configWith({ port: 5 }).port, 5)
})

test('[O4] every bad value is listed at once, by the name it was given under', () => {
  const problems = problemsOf(
    { PLENUM_PORT: '70000', PLENUM_HEARTBEAT: 'soon', PLENUM_ORIGINS: 'app.example', PLENUM_ISSUER: ' ' },
    { 'max-frame': '-1', 'base-path': 'plenum/' },
  )

  assert.equal(
    problems.map(problem => problem.split(' ')[0]),
    ['PLENUM_ISSUER', 'PLENUM_ORIGINS', '--base-path', 'PLENUM_PORT', '--max-frame', 'PLENUM_HEARTBEAT'].sort(
      (a, b) => orderOf(a) - orderOf(b),
    ),
  )
})

const orderOf = (source: string): number =>
  Object.values(CONFIG_TABLE).findIndex(({ env, flag }) => source === env || source === `--${flag}`)

const BAD: readonly (readonly [string, string])[] = [
  ['PLENUM_PORT', '-1'],
  ['PLENUM_PORT', '80.5'],
  ['PLENUM_PORT', '0x50'],
  ['PLENUM_PORT', 'http'],
  ['PLENUM_HOST', ' '],
  ['PLENUM_CLOCK_SKEW', '61s'],
  ['PLENUM_HEARTBEAT', '1'],
  ['PLENUM_MAX_FRAME', '10 parsecs'],
  ['PLENUM_MAX_FRAME', '1e9'],
  ['PLENUM_MAX_DOCUMENT', '99999999999999999999'],
  ['PLENUM_ORIGINS', 'https://app.example/'],
  ['PLENUM_ORIGINS', 'https://app.example/path'],
  ['PLENUM_ORIGINS', 'https://ok.example,nonsense'],
  ['PLENUM_BASE_PATH', '/'],
  ['PLENUM_BASE_PATH', '/a/../b?'],
  ['PLENUM_LOG_LEVEL', 'loud'],
  ['PLENUM_METRICS', 'yes'],
  ['PLENUM_TRUST_PROXY', 'true'],
  ['PLENUM_SECRET', ' '],
]

test('[O4] a bad value is one line that says what is expected', () => {
  for (const [name, value] of BAD) {
    const problems = problemsOf({ [name]: value })
    assert.is(problems.length, 1, `${name}=${value}`)
    assert.match(problems[0]!, new RegExp(`^${name} must be [^\\n]+$`))
  }
})

test('[O4] durations and sizes are read with and without units, and shown as they are read', () => {
  assert.is(parseDurationMs('1500'), 1500)
  assert.is(parseDurationMs('1.5s'), 1500)
  assert.is(parseDurationMs('2h'), 7_200_000)
  assert.is(parseDurationMs('7 d'), 604_800_000)
  assert.is(parseSizeBytes('64kb'), 65_536)
  assert.is(parseSizeBytes('1.5MiB'), 1_572_864)
  for (const bad of [
    '',
    '1x',
    '-1',
    '1h30m',
    's',
    'NaN',
    'Infinity',
    '1_000',
    'constructor',
    '1constructor',
  ]) {
    assert.is(parseDurationMs(bad), null, bad)
    assert.is(parseSizeBytes(bad), null, bad)
  }
  for (const ms of [0, 1, 999, 1000, 15_000, 90_000, 3_600_000, 86_400_000]) {
    assert.is(parseDurationMs(formatDuration(ms)), ms)
  }
  for (const bytes of [0, 1, 1024, 65_536, 64 * 2 ** 20, 2 ** 30]) {
    assert.is(parseSizeBytes(formatSize(bytes)), bytes)
  }
})

test('[O4] every default is a value that the setting takes itself', () => {
  for (const { env, fallback, show, read } of Object.values(CONFIG_TABLE) as {
    env: string
    fallback: unknown
    show(value: unknown): string
    read(text: string): unknown
  }[]) {
    const shown = show(fallback)
    if (shown !== '') assert.equal(read(shown), fallback, env)
  }
})

test('[O5] every setting is in the help', () => {
  const help = renderConfigHelp()
  for (const { flag, env } of Object.values(CONFIG_TABLE))
    assert.match(help, flag === null ? env : `--${flag} `)
})

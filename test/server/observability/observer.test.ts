/** What is told becomes lines and figures, and never a token. */
import { LineBudget } from '../../../server/observability/line-budget.js'
import { createLogger } from '../../../server/observability/logger.js'
import { type LiveFigures, Metrics } from '../../../server/observability/metrics.js'
import { createObserver } from '../../../server/observability/observer.js'
import { redact } from '../../../server/observability/redaction.js'
import { COUNTED_EVENTS } from '../../../server/space/observer.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('observability')

const FIGURES: LiveFigures = {
  connections: 4,
  spaces: 3,
  uncommittedBytes: 512,
  isDegraded: true,
  isDraining: false,
}
const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ'

const observe = (nowMs: () => number = () => 0) => {
  const lines: Record<string, unknown>[] = []
  const logger = createLogger('debug', { write: line => void lines.push(JSON.parse(line)) })
  const metrics = new Metrics(() => FIGURES, false)
  return { lines, metrics, observer: createObserver(logger, metrics, nowMs) }
}

test('[O2] every counted event, every refusal and the live figures are in a scrape', async () => {
  const { observer, metrics } = observe()
  observer.count('flushes')
  observer.count('document_messages', 5)
  observer.refused('forbidden')
  observer.refusedRequest('rate_limited')
  observer.opened('stock', 'websocket')
  observer.closed('stock', 'peer', 'websocket')

  const text = await metrics.render()

  for (const event of Object.keys(COUNTED_EVENTS))
    assert.match(text, `\n# TYPE plenum_${event}_total counter\n`)
  for (const line of [
    'plenum_flushes_total 1',
    'plenum_document_messages_total 5',
    'plenum_upgrades_refused_total{code="forbidden"} 1',
    'plenum_requests_refused_total{code="rate_limited"} 1',
    'plenum_connections_opened_total{dialect="stock",door="websocket"} 1',
    'plenum_connections_closed_total{dialect="stock",cause="peer",door="websocket"} 1',
    'plenum_connections 4',
    'plenum_spaces 3',
    'plenum_uncommitted_bytes 512',
    'plenum_degraded 1',
    'plenum_draining 0',
  ]) {
    assert.match(text, `\n${line}\n`)
  }
})

test('[O2] how long commits take is a histogram', async () => {
  const { observer, metrics } = observe()
  for (const ms of [0.4, 3, 3, 70]) observer.timed('commit', ms)

  const text = await metrics.render()

  for (const line of [
    '# TYPE plenum_commit_seconds histogram',
    'plenum_commit_seconds_bucket{le="0.0005"} 1',
    'plenum_commit_seconds_bucket{le="0.005"} 3',
    'plenum_commit_seconds_bucket{le="0.05"} 3',
    'plenum_commit_seconds_bucket{le="0.1"} 4',
    'plenum_commit_seconds_count 4',
  ]) {
    assert.match(text, `\n${line}\n`)
  }
})

test('[O2] two services of one process keep their figures apart', async () => {
  const [one, other] = [observe(), observe()]
  one.observer.count('commits')

  assert.match(await one.metrics.render(), 'plenum_commits_total 1')
  assert.match(await other.metrics.render(), 'plenum_commits_total 0')
})

test('[O10] a report is one line of JSON, with its error and the error behind it', () => {
  const { observer, lines } = observe()

  observer.report('error', 'it failed', {
    space: 'demo',
    error: new Error('outer', { cause: new Error('inner') }),
  })

  assert.is(lines.length, 1)
  const { level, msg, space, error } = lines[0] as {
    level: string
    msg: string
    space: string
    error: { message: string; stack: string; cause: { message: string } }
  }
  assert.equal(
    [level, msg, space, error.message, error.cause.message],
    ['error', 'it failed', 'demo', 'outer', 'inner'],
  )
  assert.type(error.stack, 'string')
})

test('[O10] a flood of one kind of line is cut, counted, and hides no other kind', () => {
  let nowMs = 0
  const { observer, lines } = observe(() => nowMs)
  for (let i = 0; i < 1_000; i++) observer.report('warn', 'upgrade refused', { i })
  observer.report('error', 'something else')
  nowMs = 1_000
  observer.report('warn', 'upgrade refused', {})

  assert.is(lines.length, 22)
  assert.is(lines[20]?.msg, 'something else')
  assert.is(lines[21]?.suppressed, 980)
})

test('[O10] the memory of kinds is bounded', () => {
  const budget = new LineBudget(1)
  for (let i = 0; i < 10_000; i++) assert.is(budget.take(`kind ${i}`, 0), 0)
})

test('[G5] a token is taken out of a line wherever it stands', () => {
  for (const text of [
    TOKEN,
    `GET /sync/demo?token=${TOKEN}&x=1`,
    `Bearer ${TOKEN}`,
    `bearer.${TOKEN}, yjs`,
    JSON.stringify({ headers: { authorization: `Bearer ${TOKEN}` } }),
    `{"url":"/sync/demo?a=b&token=opaque-token-of-another-kind"}`,
    'Authorization: Bearer opaque-token-of-another-kind',
  ]) {
    const line = redact(text)
    assert.match(line, '[token]')
    assert.not.match(line, /eyJ|opaque/)
  }
  assert.is(redact('{"space":"eyJ","msg":"listening"}'), '{"space":"eyJ","msg":"listening"}')
})

test('[G5] the logger lets no token through, in the message or in the details', () => {
  const { observer, lines } = observe()

  observer.report('warn', `refused ${TOKEN}`, {
    url: `/sync/a?token=${TOKEN}`,
    error: new Error(`bad ${TOKEN}`),
  })

  assert.not.match(JSON.stringify(lines), 'eyJ')
})

/** Text streams of events, cut wherever it hurts. */
import { EventParser, type StreamEvent } from '../../../../client/channel/event-stream/parse-events.js'
import { createRng, int } from '../../../support/rng.js'
import { assert, suite } from '../../../support/suite.js'

const test = suite('parse events')

const TEXT = [
  'event: open\ndata: {"session":"ä"}\n\n',
  ': a comment\n\ndata: AAE=\r\n\r\n',
  'data:one\rdata: two\r\rid: 7\nretry: 1\nnonsense\n\n',
  'event: ping\ndata:\n\n',
  'data: never finished\n',
].join('')
const EVENTS: StreamEvent[] = [
  { name: 'open', data: '{"session":"ä"}' },
  { name: '', data: 'AAE=' },
  { name: '', data: 'one\ntwo' },
  { name: 'ping', data: '' },
]

test('[D40] names, data of several lines, comments, and every end of a line', () => {
  assert.equal(new EventParser().feed(TEXT), EVENTS)
})

test('[D40] the same events wherever the text is cut', () => {
  const parser = new EventParser()
  assert.equal(
    [...TEXT].flatMap(character => parser.feed(character)),
    EVENTS,
  )
  const rng = createRng(7)
  for (let round = 0; round < 200; round++) {
    const parser = new EventParser()
    const events: StreamEvent[] = []
    for (let from = 0; from < TEXT.length; ) {
      const to = from + int(rng, 0, 11)
      events.push(...parser.feed(TEXT.slice(from, to)))
      from = to
    }
    assert.equal(events, EVENTS)
  }
})

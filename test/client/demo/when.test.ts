/** How long ago, in words. */
import { agoChangesInMs, agoText, timeText } from '../../../client/demo/when.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('demo: when')

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000]

test('[U25] how long ago is said in the largest unit that fits', () => {
  const said: readonly (readonly [ageMs: number, text: string])[] = [
    [-5 * MINUTE, 'just now'],
    [0, 'just now'],
    [MINUTE - 1, 'just now'],
    [MINUTE, '1 min ago'],
    [2 * MINUTE + 59 * SECOND, '2 min ago'],
    [HOUR - 1, '59 min ago'],
    [HOUR, '1 h ago'],
    [DAY - 1, '23 h ago'],
    [DAY, 'a day ago'],
    [9 * DAY, '9 days ago'],
  ]
  for (const [ageMs, text] of said) assert.is(agoText(ageMs), text)
})

test('[U25] the words change exactly when it is said that they do', () => {
  for (let age = 0; age < 3 * DAY; ) {
    const next = age + agoChangesInMs(age)
    assert.is(agoText(next - 1), agoText(age))
    assert.is.not(agoText(next), agoText(age))
    age = next
  }
  assert.is(agoChangesInMs(-1), MINUTE)
})

test('[U24] a time of another day is said with the day', () => {
  const noon = new Date(2026, 10, 22, 12).getTime()
  assert.match(timeText(noon, noon + HOUR), /^\D*12\D00/)
  assert.match(timeText(noon, noon + DAY), /22/)
})

/** The README says what the code and the newest result say. */
import { readReadme, readReadmePicture, renderReadme, renderReadmePicture } from '../bench/readme.js'
import { assert, suite } from './support/suite.js'

const test = suite('readme')

test('[O5] [L7] the generated parts of the README are current: npm run docs', () => {
  const readme = readReadme()
  assert.is(renderReadme(readme), readme)
})

test('[L7] its picture of the newest result is current: npm run docs', () => {
  assert.is(renderReadmePicture(), readReadmePicture())
})

/** The secret: given, kept or drawn, and never a weak one. */
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { resolveSecret } from '../../../server/auth/secret.js'
import { rejectsWithCode } from '../../support/expect.js'
import { assert, suite } from '../../support/suite.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

const test = suite('secret')

test('[G7] without a given secret one is drawn, kept for its owner only, and found again', async () => {
  const folder = join(temporaryFolder('secret'), 'data')

  const drawn = await resolveSecret(null, folder)
  const kept = await resolveSecret(null, folder)

  assert.is(drawn.source, 'drawn')
  assert.is(kept.source, 'kept')
  assert.is(kept.value, drawn.value)
  assert.ok(drawn.value.length >= 43)
  assert.is(statSync(join(folder, 'secret')).mode & 0o777, 0o600)
  assert.equal(readdirSync(folder), ['secret'])
})

test('[G7] two that come at the same time end with the same secret', async () => {
  const folder = temporaryFolder('secret')

  const secrets = await Promise.all(Array.from({ length: 8 }, () => resolveSecret(null, folder)))

  assert.is(new Set(secrets.map(({ value }) => value)).size, 1)
  assert.is(secrets.filter(({ source }) => source === 'drawn').length, 1)
})

test('[G7] a given secret is used and nothing is kept', async () => {
  const folder = join(temporaryFolder('secret'), 'never-made')

  const { value, source } = await resolveSecret('x'.repeat(32), folder)

  assert.is(value, 'x'.repeat(32))
  assert.is(source, 'given')
  assert.throws(() => statSync(folder))
})

test('[G7] an empty secret is refused, wherever it comes from', async () => {
  const folder = temporaryFolder('secret')
  writeFileSync(join(folder, 'secret'), '\n')

  await rejectsWithCode('bad_request', resolveSecret('', folder))
  await rejectsWithCode('bad_request', resolveSecret(null, folder))
})

test('[G7] a secret below 32 bytes, counted in UTF-8, is named as weak', async () => {
  const folder = temporaryFolder('secret')

  assert.ok((await resolveSecret('x'.repeat(31), folder)).isWeak)
  assert.not((await resolveSecret('ü'.repeat(16), folder)).isWeak)
  assert.not((await resolveSecret(null, folder)).isWeak)
})

/** What comes of something that was asked of a core, once everything has settled. */
import type { Core } from './core.js'

export const told = async <Answer>(core: Core, asked: Promise<Answer>): Promise<Answer> => {
  // Where it fails the test sees it below; until then nobody listens.
  asked.catch(() => {})
  await core.settle()
  return asked
}

/** The inline engine keeps the contract of engines. */
import { InlineEngine } from '../../../../server/space/engine/inline-engine.js'
import { engineContract } from '../../../contract/engine.js'

engineContract('inline', () => {
  const engine = new InlineEngine({ elapsed: () => performance.now() })
  return { engine, size: () => engine.size, dispose: async () => {} }
})

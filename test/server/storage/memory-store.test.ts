/** The memory store keeps the store's contract. */
import { MemoryDisk, openMemoryStore } from '../../../server/storage/memory-store.js'
import { updateStoreContract } from '../../contract/update-store.js'

updateStoreContract('memory', () => {
  const disk = new MemoryDisk()
  return {
    open: async ({ failingCommits } = {}) => {
      let commits = 0
      const beforeCommit = (): void => {
        const { skip, times } = failingCommits ?? { skip: 0, times: 0 }
        if (commits++ >= skip && commits <= skip + times) throw new Error('the disk fails')
      }
      return openMemoryStore({ disk, beforeCommit })
    },
    dispose: async () => undefined,
  }
})

/** The SQLite store keeps the store's contract. */
import { updateStoreContract } from '../../../contract/update-store.js'
import { SqliteFolder } from '../../../support/sqlite-folder.js'

updateStoreContract('sqlite', () => {
  const folder = new SqliteFolder()
  return {
    open: ({ failingCommits } = {}) =>
      folder.open(
        failingCommits === undefined
          ? {}
          : { failpoints: { 'append:before-commit': { action: 'throw', ...failingCommits } } },
      ),
    dispose: () => folder.dispose(),
  }
})

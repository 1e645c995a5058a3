/** A folder under the system's temporary one that is gone when the test process is. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folders = new Set<string>()

process.on('exit', () => {
  for (const folder of folders) removeFolder(folder)
})

export const temporaryFolder = (label = 'test'): string => {
  const folder = mkdtempSync(join(tmpdir(), `plenum-${label}-`))
  folders.add(folder)
  return folder
}

/** Sooner than at the end; does nothing to a folder that is gone. */
export const removeFolder = (folder: string): void => {
  folders.delete(folder)
  rmSync(folder, { recursive: true, force: true })
}

/** A file system of a few megabytes in memory, gone with the test whatever becomes of it. Linux, as root. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../support/temporary-folder.js'

export interface SmallDisk {
  readonly path: string
  /** Takes this much of the room; a second call replaces the first. */
  fill(bytes: number): void
  /** Gives the room back. */
  makeRoom(): void
  unmount(): void
}

/** Why none can be mounted here; null where it can. */
export const whyNoSmallDisk = (): string | null => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'mounting a small disk needs root on Linux'
  const folder = temporaryFolder('mount')
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'plenum-test', folder], {
    encoding: 'utf8',
  })
  if (mounted.status !== 0) return `mount is not allowed: ${mounted.stderr.trim()}`
  execFileSync('umount', [folder])
  return null
}

export const mountSmallDisk = (megabytes: number): SmallDisk => {
  const path = temporaryFolder('disk')
  const ballast = join(path, 'ballast')
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'plenum-test', path])
  // In a group of its own, so that it outlives even a kill of ours; it ends with our end of the pipe.
  const watcher = spawn('sh', ['-c', `read -r _; umount -l ${path}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watcher.unref()
  ;(watcher.stdin as unknown as { unref(): void }).unref()
  const unmount = (): void => {
    if (watcher.killed) return
    watcher.kill('SIGKILL')
    process.off('exit', unmount)
    execFileSync('umount', ['-l', path])
  }
  process.on('exit', unmount)
  return {
    path,
    fill: bytes => writeFileSync(ballast, Buffer.alloc(bytes)),
    makeRoom: () => rmSync(ballast, { force: true }),
    unmount,
  }
}

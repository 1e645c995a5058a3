/** Ends a child process when this one ends, however it ends: even after SIGKILL nothing is left running. */
import { type ChildProcess, spawn } from 'node:child_process'

/** A shell that waits for the end of our pipe, which the operating system closes with us. */
export const tieToThisProcess = (child: ChildProcess): void => {
  const { pid } = child
  if (pid === undefined || child.exitCode !== null) return
  const watcher = spawn('sh', ['-c', `read -r _; kill -9 ${pid} 2>/dev/null`], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.unref()
  // The pipe is a socket to Node, and must not keep this process alive either.
  ;(watcher.stdin as unknown as { unref(): void }).unref()
  child.once('exit', () => watcher.kill('SIGKILL'))
}

/** A peer in a process and data folder of its own, awaited by the line it prints. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export class PeerProcess {
  port = 0
  dataDir = mkdtempSync(join(tmpdir(), 'plenum-peer-'))
  /** What it wrote to standard error, of all its lives. */
  errors = ''
  #peer
  #child = null

  constructor(peer) {
    this.#peer = peer
  }

  get url() {
    return `ws://127.0.0.1:${this.port}`
  }

  get pid() {
    return this.#child.pid
  }

  /** Also after `kill9` and `stop`: the same folder and, if it may be had, the same port. */
  async start(...flags) {
    const args = [
      '--expose-gc',
      this.#peer.script,
      '--port',
      String(this.port),
      '--data',
      this.dataDir,
      ...flags,
    ]
    const child = spawn(this.#peer.node, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    this.#child = child
    child.stderr.on('data', data => {
      this.errors += data
    })
    const lines = createInterface({ input: child.stdout })
    const listening = new Promise(resolve => {
      lines.on('line', line => {
        const port = /^listening (\d+)$/.exec(line)?.[1]
        if (port !== undefined) resolve(Number(port))
      })
    })
    this.port = await Promise.race([
      listening,
      once(child, 'exit').then(([code]) => {
        throw new Error(`${this.#peer.name} ended (${code}):\n${this.errors}`)
      }),
    ])
    return this
  }

  async memory() {
    this.#child.send({ type: 'memory' })
    const [answer] = await once(this.#child, 'message')
    return answer
  }

  stop() {
    return this.#end('SIGTERM')
  }

  kill9() {
    return this.#end('SIGKILL')
  }

  async dispose() {
    await this.kill9()
    rmSync(this.dataDir, { recursive: true, force: true })
  }

  async #end(signal) {
    const child = this.#child
    if (child === null) return null
    this.#child = null
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const exit = once(child, 'exit')
    child.kill(signal)
    const [code] = await exit
    return code
  }
}

/**
 * A real nginx in front of a server: set up as the README advises, or as those are that break what passes. In the
 * foreground, in a folder of its own, gone with the test.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readReadme } from '../../bench/readme.js'
import { tieToThisProcess } from './lifeline.js'
import { examplesOf } from './readme-blocks.js'
import { freePort } from './server-process.js'
import { temporaryFolder } from './temporary-folder.js'
import { until } from './until.js'

/** How it treats what passes. */
export type NginxManner =
  /** The README's own lines. */
  | 'advised'
  /** Its defaults and a `proxy_pass`: HTTP/1.0 to the server, no upgrades, buffers unless an answer asks not to. */
  | 'plain'
  /** An upgrade is answered 403. */
  | 'refusing-upgrades'
  /** No upgrades, and nothing of an answer is passed on before it has ended, whatever its headers ask. */
  | 'buffering'

/** Debian keeps it where only root's path leads. */
const PLACES = ['/usr/sbin/nginx', '/usr/local/sbin/nginx']
const command = (): string => PLACES.find(place => existsSync(place)) ?? 'nginx'

/** Why it cannot be used here; null where it can. */
export const whyNoNginx = (): string | null =>
  spawnSync(command(), ['-v']).error === undefined ? null : 'there is no nginx here'

const BUFFER_BYTES = 1024 * 1024

const locationOf = (manner: NginxManner, targetPort: number): string => {
  const pass = `proxy_pass http://127.0.0.1:${targetPort};`
  switch (manner) {
    case 'advised': {
      const advised = examplesOf(readReadme()).find(({ language }) => language === 'nginx')
      if (advised === undefined) throw new Error('the README has no lines for nginx')
      return advised.code.replaceAll('127.0.0.1:1234', `127.0.0.1:${targetPort}`)
    }
    case 'plain':
      return `location / { ${pass} }`
    case 'refusing-upgrades':
      return `location / { if ($http_upgrade) { return 403; } ${pass} proxy_http_version 1.1; }`
    case 'buffering':
      return `location / {
        ${pass}
        proxy_buffering on;
        proxy_ignore_headers X-Accel-Buffering;
        proxy_buffer_size ${BUFFER_BYTES};
        proxy_buffers 8 ${BUFFER_BYTES};
        proxy_busy_buffers_size ${2 * BUFFER_BYTES};
        proxy_max_temp_file_size 0;
      }`
  }
}

const configuration = (folder: string, port: number, location: string): string => `
daemon off;
master_process off;
pid ${folder}/pid;
error_log stderr warn;
events {}
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(kind => `${kind}_temp_path ${folder}/${kind};`).join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    ${location}
  }
}
`

export class Nginx {
  readonly port: number
  readonly #child: ChildProcess
  readonly #said: string[]

  private constructor(port: number, child: ChildProcess, said: string[]) {
    this.port = port
    this.#child = child
    this.#said = said
  }

  /** Resolves when it takes connections. @param ownPort by default a free one */
  static async start(manner: NginxManner, targetPort: number, ownPort?: number): Promise<Nginx> {
    const folder = temporaryFolder('nginx')
    const port = ownPort ?? (await freePort())
    const file = join(folder, 'nginx.conf')
    mkdirSync(join(folder, 'logs'))
    writeFileSync(file, configuration(folder, port, locationOf(manner, targetPort)))
    const child = spawn(command(), ['-p', folder, '-c', file, '-e', 'stderr'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    tieToThisProcess(child)
    const said: string[] = []
    child.stderr?.setEncoding('utf8').on('data', text => said.push(text))
    const nginx = new Nginx(port, child, said)
    await until('nginx takes connections', () => {
      if (child.exitCode !== null) throw new Error(`nginx ended: ${said.join('')}`)
      return fetch(nginx.url).then(
        () => true,
        () => false,
      )
    })
    return nginx
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** What a stock provider takes for its server URL. */
  get syncUrl(): string {
    return `ws://127.0.0.1:${this.port}/sync`
  }

  /** What it complained about. */
  get complaints(): string {
    return this.#said.join('')
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await exited
  }
}

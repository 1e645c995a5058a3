/** What a server tells about itself over HTTP. */
import type { ServerProcess } from '../support/server-process.js'

/** The error code that `/readyz` answers with; null where the server is ready. */
export const codeOfReadyz = async (server: ServerProcess): Promise<string | null> => {
  const response = await fetch(`${server.url}/readyz`)
  const body = (await response.json()) as { code?: string }
  if (response.status === 200) return null
  return response.status === 503 ? (body.code ?? '?') : `status ${response.status}`
}

/** A figure without labels of `/metrics`. */
export const metric = async (server: ServerProcess, name: string): Promise<number> => {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]
  if (value === undefined) throw new Error(`no metric ${name}`)
  return Number(value)
}

/** Where the service listens: an http server bound to an address, and its end. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ServiceAddress {
  readonly host: string
  readonly port: number
  /** `http://…`, with the base path. */
  readonly url: string
}

interface ListenOptions {
  readonly host: string
  readonly port: number
  readonly basePath: string
}

/** Rejects with the error of the operating system. */
export const listen = (server: Server, { host, port, basePath }: ListenOptions): Promise<ServiceAddress> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      const bound = server.address() as AddressInfo
      resolve({ host, port: bound.port, url: `http://${reachable(host)}:${bound.port}${basePath}` })
    })
  })

/** An address that a browser on this machine can open, for one that means every interface. */
const reachable = (host: string): string => {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}

/** Ends it and what is still connected to it. */
export const closeServer = (server: Server): Promise<void> =>
  new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

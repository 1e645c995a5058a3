/**
 * How the command-line tools talk to a running server: a Unix socket in the data folder that only its owner
 * may open, a JSON object per line each way. Whoever serves it holds the folder's lock, so a socket file that
 * is there already is left over from a server that was killed.
 */
import { chmodSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { ERRORS, type ErrorCode, PlenumError, toPlenumError } from '../../shared/errors.js'
import { dataFolder } from './data-folder.js'
import { StartupError } from './startup-error.js'

export type AdminRequest =
  | { readonly type: 'status' }
  | { readonly type: 'verify' }
  /** Every space that has something to compact, or one. */
  | { readonly type: 'compact'; readonly space?: string }
  /** `path` is absolute, or it would mean the server's folder. */
  | { readonly type: 'backup'; readonly path: string }

export type AdminReply =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string }

/** Answers one request with something that JSON can hold. */
export type AdminHandler = (request: AdminRequest) => Promise<unknown>

export interface AdminServer {
  /** Ends open connections and removes the socket. Idempotent. */
  close(): Promise<void>
}

/** `sun_path` holds 108 bytes on Linux, the closing zero included; a longer one would be cut silently. */
const MAX_SOCKET_PATH_BYTES = 107
const MAX_LINE_BYTES = 64 * 1024

/** @throws StartupError `socket` where the path is too long or cannot be bound */
export const serveAdminSocket = async (dataDir: string, handle: AdminHandler): Promise<AdminServer> => {
  const path = socketPath(dataDir)
  rmSync(path, { force: true })
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    answerRequests(socket, handle).catch(() => socket.destroy())
  })
  await listen(server, path)
  let closing: Promise<void> | null = null
  return {
    close: () => {
      closing ??= new Promise(resolve => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      })
      return closing
    },
  }
}

/**
 * Sends one request to the server that holds the folder and waits for its answer, however long that takes.
 * @throws StartupError `socket` where nobody answers, PlenumError as the server says
 */
export const adminRequest = async (dataDir: string, request: AdminRequest): Promise<unknown> => {
  const path = socketPath(dataDir)
  const reply = await new Promise<AdminReply>((resolve, reject) => {
    const socket = connect(path)
    const fail = (cause?: Error): void => {
      socket.destroy()
      reject(new StartupError('socket', `no answer on the admin socket ${path}`, { cause }))
    }
    socket.on('error', fail)
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`))
    const lines = createInterface({ input: socket })
    // It repeats the socket's error, and nobody listening would be an uncaught one.
    lines.on('error', () => undefined)
    lines.once('line', line => {
      socket.destroy()
      try {
        resolve(JSON.parse(line))
      } catch (error) {
        fail(error as Error)
      }
    })
    socket.on('close', () => fail())
  })
  if (reply.ok) return reply.result
  throw new PlenumError(Object.hasOwn(ERRORS, reply.code) ? reply.code : 'internal', reply.message)
}

const socketPath = (dataDir: string): string => {
  const path = dataFolder(dataDir).socket
  const bytes = Buffer.byteLength(path)
  if (bytes <= MAX_SOCKET_PATH_BYTES) return path
  throw new StartupError(
    'socket',
    `the path of the admin socket is too long: ${path} has ${bytes} bytes, ${MAX_SOCKET_PATH_BYTES} are possible`,
  )
}

const listen = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', cause =>
      reject(new StartupError('socket', `cannot listen on ${path}: ${cause.message}`, { cause })),
    )
    // The file is made with these rights: a chmod alone would come after the first moment to connect.
    const umask = process.umask(0o177)
    try {
      server.listen(path, () => {
        chmodSync(path, 0o600)
        resolve()
      })
    } finally {
      process.umask(umask)
    }
  })

const answerRequests = async (socket: Socket, handle: AdminHandler): Promise<void> => {
  let lineBytes = 0
  socket.on('data', (chunk: Buffer) => {
    const end = chunk.lastIndexOf(0x0a)
    lineBytes = end === -1 ? lineBytes + chunk.length : chunk.length - end - 1
    if (lineBytes > MAX_LINE_BYTES) socket.destroy()
  })
  for await (const line of createInterface({ input: socket })) {
    const reply = await answer(line, handle)
    if (socket.writable) socket.write(`${JSON.stringify(reply)}\n`)
  }
}

const answer = async (line: string, handle: AdminHandler): Promise<AdminReply> => {
  try {
    return { ok: true, result: await handle(parseRequest(line)) }
  } catch (error) {
    const { code, message } = toPlenumError(error)
    return { ok: false, code, message }
  }
}

/** @throws bad_request */
const parseRequest = (line: string): AdminRequest => {
  let request: unknown
  try {
    request = JSON.parse(line)
  } catch (cause) {
    throw new PlenumError('bad_request', 'not a JSON object', { cause })
  }
  const { type, space, path } = (request ?? {}) as { [key: string]: unknown }
  switch (type) {
    case 'status':
    case 'verify':
      return { type }
    case 'compact':
      if (space === undefined) return { type }
      if (typeof space === 'string') return { type, space }
      throw new PlenumError('bad_request', 'space is a text')
    case 'backup':
      if (typeof path === 'string' && path.startsWith('/')) return { type, path }
      throw new PlenumError('bad_request', 'path is an absolute path')
    default:
      throw new PlenumError('bad_request', 'no such request')
  }
}

/** What a server holds after a forced collection, beyond what it held empty: for open spaces, and for connections. */
import { setTimeout as pause } from 'node:timers/promises'
import { paperDocument, upload } from '../load/paper-document.js'
import { Room } from '../load/room.js'
import { untilQuiet } from '../load/stretch.js'
import type { RunningServer } from '../targets/target.js'
import { type Figures, lower, type Workload } from '../workload.js'

const SEED = 8
const AT_ONCE = 50
const ROOM_OF_IDLE = 100

const WARM_UP = 20
const WARM_UP_TIMES = 20
const WARM_UP_TIME_MS = 20_000

/** Runs what fills the server, leaves it quiet for the scenario's seconds, and divides what it holds more. */
const measureHeld = async (
  server: RunningServer,
  { count, quietSeconds, fill }: { count: number; quietSeconds: number; fill: () => Promise<void> },
): Promise<{ heldBytes: number; rssBytes: number }> => {
  // What the first clients bring into being, code above all, is not what each costs.
  for (let time = 0; time < WARM_UP_TIMES; time++) {
    const seed = SEED + time
    const warm = await Room.open({ server, space: 'warm-up', clients: WARM_UP, writers: WARM_UP, seed })
    for (let writer = 0; writer < WARM_UP; writer++) warm.type(writer, performance.now())
    await warm.whenDelivered(WARM_UP_TIME_MS)
    warm.close()
  }
  await untilQuiet(server)
  const before = await server.memory()
  await fill()
  await pause(quietSeconds * 1000)
  const after = await server.memory()
  return {
    heldBytes: (after.heldBytes - before.heldBytes) / count,
    rssBytes: (after.rssBytes - before.rssBytes) / count,
  }
}

/** Small spaces, a client in each that has typed a little. */
export const smallSpaces: Workload = async ({ target, parameters, progress }): Promise<Figures> => {
  const { clients, seconds } = parameters
  const server = await target.start()
  const rooms: Room[] = []
  try {
    progress(`${clients} spaces open`)
    const fill = async (): Promise<void> => {
      while (rooms.length < clients) {
        const opening = Array.from({ length: Math.min(AT_ONCE, clients - rooms.length) }, (_, i) => {
          const number = rooms.length + i
          return Room.open({ server, space: `small-${number}`, clients: 1, writers: 1, seed: SEED + number })
        })
        const opened = await Promise.all(opening)
        for (const room of opened) for (let i = 0; i < 20; i++) room.type(0, performance.now())
        rooms.push(...opened)
      }
    }
    const held = await measureHeld(server, { count: clients, quietSeconds: seconds, fill })
    return {
      'memory per space': lower(held.heldBytes / 1024, 'KiB'),
      'resident memory per space': lower(held.rssBytes / 1024, 'KiB'),
    }
  } finally {
    for (const room of rooms) room.close()
    await server.dispose()
  }
}

/** The paper in several spaces, a client in each, and nobody types. */
export const quietPapers: Workload = async ({ target, parameters, progress }): Promise<Figures> => {
  const { clients, seconds } = parameters
  const server = await target.start()
  const rooms: Room[] = []
  try {
    const document = paperDocument()
    await upload(server, 'paper-first', document)
    progress(`${clients} papers are uploaded`)
    const fill = async (): Promise<void> => {
      for (let number = 0; number < clients; number++) {
        const space = `paper-${number}`
        await upload(server, space, document)
        rooms.push(await Room.open({ server, space, clients: 1, writers: 0, seed: SEED + number }))
      }
    }
    const held = await measureHeld(server, { count: clients, quietSeconds: seconds, fill })
    return {
      'memory per paper': lower(held.heldBytes / 1024 ** 2, 'MiB'),
      'resident memory per paper': lower(held.rssBytes / 1024 ** 2, 'MiB'),
    }
  } finally {
    for (const room of rooms) room.close()
    await server.dispose()
  }
}

/** Connections that do nothing but be there, in rooms of a hundred. */
export const idleConnections: Workload = async ({ target, parameters, progress }): Promise<Figures> => {
  const { clients, seconds } = parameters
  const server = await target.start()
  const rooms: Room[] = []
  try {
    progress(`${clients} clients connect`)
    const fill = async (): Promise<void> => {
      for (let number = 0; number < clients / ROOM_OF_IDLE; number++) {
        const space = `idle-${number}`
        rooms.push(await Room.open({ server, space, clients: ROOM_OF_IDLE, writers: 0, seed: SEED + number }))
      }
    }
    const held = await measureHeld(server, { count: clients, quietSeconds: seconds, fill })
    return {
      'memory per connection': lower(held.heldBytes / 1024, 'KiB'),
      'resident memory per connection': lower(held.rssBytes / 1024, 'KiB'),
    }
  } finally {
    for (const room of rooms) room.close()
    await server.dispose()
  }
}

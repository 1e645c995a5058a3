/** Many join one room, each with a state of its own; then each says once more that it is there, as stock clients do. */
import { atPace } from '../load/pace.js'
import { Room } from '../load/room.js'
import { measure, untilQuiet } from '../load/stretch.js'
import type { RunningServer } from '../targets/target.js'
import { lower, noted, type Workload } from '../workload.js'

const SEED = 6
const SETTLE_TIME_MS = 240_000
const JOINING_AT_ONCE = 50
/** Who was there before, in rooms of their own, so that compiling just in time is not what is measured. */
const WARM_UP_MEMBERS = 300
/** A join costs Plenum a third in the sixth of what it costs in the first. */
const WARM_UP_ROOMS = 6

const memberState = (member: number): string =>
  JSON.stringify({ user: { name: `Member ${member}`, color: `hsl(${(member * 37) % 360} 70% 45%)` } })

export const members: Workload = async ({ target, parameters, progress }) => {
  const { clients, seconds } = parameters
  const server = await target.start()
  let room: Room | null = null
  try {
    for (let number = 1; number <= WARM_UP_ROOMS; number++) {
      progress(`${number}/${WARM_UP_ROOMS}: others join, renew and leave before`)
      await warmUp(server, number, Math.min(clients, WARM_UP_MEMBERS))
    }
    progress(`${clients} members join`)
    const joining = await measure(server, async () => {
      room = await Room.open({
        server,
        space: 'members',
        clients,
        writers: 0,
        seed: SEED,
        stateOf: memberState,
        joiningAtOnce: JOINING_AT_ONCE,
      })
      await room.until('everybody knows everybody', () => room!.fewestKnown === clients - 1, SETTLE_TIME_MS)
      await untilQuiet(server)
    })
    const opened = room as unknown as Room
    opened.stopRenewing()
    const bytesBefore = opened.receivedBytes
    progress(`each renews once in ${seconds} s`)
    const renewing = await measure(server, async () => {
      const renew = (member: number): void => opened.announce(member, memberState(member))
      await atPace({ actors: clients, perSecond: 1 / seconds, seconds, act: renew })
      const isKnown = (): boolean => opened.isKnown(clients) && opened.fewestKnown === clients - 1
      await opened.until('everybody knows the renewals', isKnown, SETTLE_TIME_MS)
      await untilQuiet(server)
    })
    const bytes = opened.receivedBytes - bytesBefore
    return {
      'server CPU, all join': lower(joining.cpuSeconds, 's'),
      'server CPU, all renew once': lower(renewing.cpuSeconds, 's'),
      'wire per client, all renew once': lower(bytes / clients / 1024, 'KiB'),
      'load generator busy': noted(Math.max(joining.loadBusyPercent, renewing.loadBusyPercent), '%'),
    }
  } finally {
    ;(room as Room | null)?.close()
    await server.dispose()
  }
}

const warmUp = async (server: RunningServer, number: number, clients: number): Promise<void> => {
  const room = await Room.open({
    server,
    space: `warm-up-${number}`,
    clients,
    writers: 0,
    seed: SEED,
    stateOf: memberState,
    joiningAtOnce: JOINING_AT_ONCE,
  })
  for (let member = 0; member < clients; member++) room.announce(member, memberState(member))
  await room.until('everybody knows everybody', () => room.isKnown(clients), SETTLE_TIME_MS)
  room.close()
  await untilQuiet(server)
}

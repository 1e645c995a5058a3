/** Members leave a room, one at a time, and another comes for each: how long those who stay go on showing who left. */
import { setTimeout as pause } from 'node:timers/promises'
import { cursorState } from '../load/cursors.js'
import { Departures } from '../load/departures.js'
import { Room } from '../load/room.js'
import { measure, untilQuiet } from '../load/stretch.js'
import { lower, noted, type Workload } from '../workload.js'

const SEED = 11
const WARM_UP = 5
const NOTICE_TIME_MS = 30_000

export const leaving: Workload = async ({ target, parameters, progress }) => {
  const { clients, rate, seconds } = parameters
  const server = await target.start()
  try {
    const departures = Math.round(rate * seconds)
    const stateOf = (member: number): string => cursorState(member, 0)
    const laterClients = WARM_UP + departures
    progress(`${clients} members join`)
    const room = await Room.open({
      server,
      space: 'leaving',
      clients,
      writers: 0,
      seed: SEED,
      stateOf,
      laterClients,
    })
    const everybodyIsKnown = (): Promise<void> =>
      room.until('everybody knows everybody', () => room.fewestKnown === clients - 1, NOTICE_TIME_MS)
    /** The next so many leave, the longest there first. */
    const replace = async (first: number, count: number): Promise<void> => {
      const startMs = performance.now()
      for (let i = 0; i < count; i++) {
        await pause(startMs + (i * 1000) / rate - performance.now())
        room.leave(first + i, 'closes')
        await room.until('nobody shows who left', () => room.departures.ghosts === 0, NOTICE_TIME_MS)
        await room.join()
        await everybodyIsKnown()
      }
    }
    await everybodyIsKnown()
    await replace(0, WARM_UP)
    await untilQuiet(server)
    room.departures = new Departures()
    progress(`${departures} of them close, one after the other`)
    const stretch = await measure(server, () => replace(WARM_UP, departures))
    room.close()
    const { latencies, longestMs } = room.departures
    return {
      'close → gone for each other, p99': lower(latencies.quantile(0.99), 'ms'),
      'close → gone for each other, median': lower(latencies.quantile(0.5), 'ms'),
      'close → gone for each other, longest': noted(longestMs, 'ms'),
      'load generator busy': noted(stretch.loadBusyPercent, '%'),
    }
  } finally {
    await server.dispose()
  }
}

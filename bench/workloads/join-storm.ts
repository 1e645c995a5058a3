/** The paper is open in one client, and all others open it at the same moment: again and again, by the same crowd. */
import * as Y from 'yjs'
import { connectDocument } from '../load/document-client.js'
import { step2 } from '../load/messages.js'
import { paperDocument, upload } from '../load/paper-document.js'
import { Room } from '../load/room.js'
import { measure, type Stretch, untilQuiet } from '../load/stretch.js'
import { TEXT_NAME } from '../load/typist.js'
import { type Figure, lower, noted, type Workload } from '../workload.js'

const SPACE = 'paper'
const SEED = 3
/** The first is what a server that has just begun is met by; by the last, its code is compiled. */
const STORMS = 8

export const joinStorm: Workload = async ({ target, parameters, progress }) => {
  const { clients } = parameters
  const document = paperDocument()
  const wanted = document.getText(TEXT_NAME).toString()
  const server = await target.start({ greeting: step2(Y.encodeStateAsUpdate(document)) })
  const crowd = (): Promise<Room> =>
    Room.open({
      server,
      space: SPACE,
      clients,
      writers: 0,
      seed: SEED,
      joiningAtOnce: clients,
      // What presence costs when many join is measured by itself.
      stateOf: () => null,
    })
  try {
    if (target.hasDocuments) {
      progress('uploading the paper')
      await upload(server, SPACE, document)
    }
    const first = await connectDocument({ server, space: SPACE, doc: new Y.Doc() })
    const storms: Stretch<Room>[] = []
    while (storms.length < STORMS) {
      await untilQuiet(server)
      progress(`${clients} clients join at once, ${storms.length + 1} of ${STORMS}`)
      const storm = await measure(server, crowd)
      const text = storm.result.expectConverged().getText(TEXT_NAME).toString()
      if (text !== wanted) throw new Error('the text came out wrong')
      storms.push(storm)
      storm.result.close()
    }
    first.close()
    const perJoin = ({ cpuSeconds }: Stretch): Figure => lower((cpuSeconds * 1000) / clients, 'ms')
    const last = storms.at(-1)!
    return {
      'server CPU per join': perJoin(last),
      'server CPU per join, just started': perJoin(storms[0]!),
      'until all have it': lower(last.seconds * 1000, 'ms'),
      'wire per client': lower(last.result.receivedBytes / clients / 1024, 'KiB'),
      'load generator busy': noted(last.loadBusyPercent, '%'),
    }
  } finally {
    await server.dispose()
  }
}

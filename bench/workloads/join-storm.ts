/** The paper is open in one client, and all others open it at the same moment. */
import * as Y from 'yjs'
import { connectDocument } from '../load/document-client.js'
import { step2 } from '../load/messages.js'
import { paperDocument, upload } from '../load/paper-document.js'
import { Room } from '../load/room.js'
import { measure, untilQuiet } from '../load/stretch.js'
import { TEXT_NAME } from '../load/typist.js'
import { lower, noted, type Workload } from '../workload.js'

const SPACE = 'paper'
/** Where the same crowd has been before: what a server costs is not what compiling it just in time costs. */
const WARM_UP_SPACE = 'warm-up'
const SEED = 3

export const joinStorm: Workload = async ({ target, parameters, progress }) => {
  const { clients } = parameters
  const document = paperDocument()
  const wanted = document.getText(TEXT_NAME).toString()
  const server = await target.start({ greeting: step2(Y.encodeStateAsUpdate(document)) })
  const crowd = (space: string): Promise<Room> =>
    Room.open({
      server,
      space,
      clients,
      writers: 0,
      seed: SEED,
      joiningAtOnce: clients,
      // What presence costs when many join is measured by itself.
      stateOf: () => null,
    })
  try {
    for (const space of [WARM_UP_SPACE, SPACE]) {
      progress(`uploading the paper as ${space}`)
      if (target.hasDocuments) await upload(server, space, document)
    }
    const earlier = await crowd(WARM_UP_SPACE)
    earlier.close()
    const first = await connectDocument({ server, space: SPACE, doc: new Y.Doc() })
    await untilQuiet(server)
    progress(`${clients} clients join at once`)
    let room: Room | null = null
    const stretch = await measure(server, async () => {
      room = await crowd(SPACE)
    })
    const opened = room as unknown as Room
    const text = opened.expectConverged().getText(TEXT_NAME).toString()
    if (text !== wanted) throw new Error('the text came out wrong')
    const bytes = opened.receivedBytes
    opened.close()
    first.close()
    return {
      'server CPU per join': lower((stretch.cpuSeconds * 1000) / clients, 'ms'),
      'until all have it': lower(stretch.seconds * 1000, 'ms'),
      'wire per client': lower(bytes / clients / 1024, 'KiB'),
      'load generator busy': noted(stretch.loadBusyPercent, '%'),
    }
  } finally {
    await server.dispose()
  }
}

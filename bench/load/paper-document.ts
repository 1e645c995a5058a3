/** The paper as a document: 260,000 keystrokes of one author, who is the same at every run. */
import * as Y from 'yjs'
import { applyPatch } from '../../test/support/trace.js'
import type { RunningServer } from '../targets/target.js'
import { paper } from '../typing.js'
import { connectDocument, until } from './document-client.js'
import { TEXT_NAME } from './typist.js'

const AUTHOR = 4_000_000_000

export const paperDocument = (): Y.Doc => {
  const doc = new Y.Doc()
  doc.clientID = AUTHOR
  for (const patch of paper().patches) applyPatch(doc.getText(TEXT_NAME), patch)
  return doc
}

/** Resolves when the server has the whole document and another client has it from there. */
export const upload = async (server: RunningServer, space: string, doc: Y.Doc): Promise<void> => {
  const length = doc.getText(TEXT_NAME).length
  const author = await connectDocument({ server, space, doc })
  const copy = new Y.Doc()
  const reader = await connectDocument({ server, space, doc: copy })
  await until(copy, () => copy.getText(TEXT_NAME).length === length)
  author.close()
  reader.close()
}

/** Who sent the messages of a batch: most often it is one connection, and then nothing has to be shared out. */
import type { Inbound, Session } from './session.js'

/** Null where they are several. @param messages at least one */
export const loneSender = (messages: readonly Pick<Inbound, 'session'>[]): Session | null => {
  const { session } = messages[0]!
  return messages.every(message => message.session === session) ? session : null
}

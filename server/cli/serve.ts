/** `plenum serve`: the server. */
import { readCommandLine } from './arguments.js'
import type { Command } from './io.js'
import { runService } from './run-service.js'

export const serve: Command = async (args, io) => {
  const { config } = readCommandLine('serve', args, { flags: [] })
  return runService({
    config,
    io,
    onListening: ({ url }) => io.out(`Plenum listens on ${url}`),
  })
}

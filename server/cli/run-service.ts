/** Runs a service until somebody asks it to end, then drains it. */
import type { Config } from '../config.js'
import { createService } from '../create-service.js'
import type { DemoDesk } from '../http/demo-desk.js'
import type { ServiceAddress } from '../service/listen.js'
import { type CliIo, EXIT } from './io.js'

export interface ServiceRun {
  readonly config: Config
  readonly io: CliIo
  /** Told once it listens. */
  onListening(address: ServiceAddress): void | Promise<void>
  readonly demoDesk?: DemoDesk
}

/** @returns the exit code: not 0 where something could not be saved */
export const runService = async (run: ServiceRun): Promise<number> => {
  const { config, io, onListening, demoDesk } = run
  const service = createService({ config, isOwnProcess: true, ...(demoDesk && { demoDesk }) })
  const asked = new Promise<void>(resolve => io.onceAsked(resolve))
  try {
    await onListening(await service.start())
    await asked
  } finally {
    // Also where nobody can be told where it listens: a process that has failed does not go on serving.
    await service.close()
  }
  const { unsavedSpaces, unsavedBytes } = await service.close()
  if (unsavedBytes === 0) return EXIT.ok
  io.err(`plenum: ${unsavedBytes} bytes of edits could not be saved, in ${unsavedSpaces.join(', ')}`)
  return EXIT.failed
}

/** A whole server with an http server of its own: Plenum, and where it listens. */
import { createPlenum, type PlenumOptions } from './create-plenum.js'
import type { ServiceAddress } from './service/listen.js'
import type { DrainReport } from './space/drain.js'

export type ServiceOptions = Omit<PlenumOptions, 'server' | 'app' | 'basePath'>

export interface Service {
  /**
   * Opens the data folder and listens.
   * @throws StartupError, ConfigError or the error of the operating system: nothing stays open
   */
  start(): Promise<ServiceAddress>
  /** Drains and ends; the report names what could not be saved. Idempotent. */
  close(): Promise<DrainReport>
}

export const createService = (options: ServiceOptions = {}): Service => {
  const plenum = createPlenum(options)
  return { start: () => plenum.listen(), close: () => plenum.close() }
}

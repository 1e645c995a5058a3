/** What an application that runs Plenum inside itself needs. */
export { ERRORS, type ErrorCode, PlenumError } from '../shared/errors.js'
export type { SpaceName } from '../shared/names.js'
export type { Role } from '../shared/roles.js'
export type { Authorize, Authorized, AuthorizeRequest } from './auth/authorize-gate.js'
export type { Gate } from './auth/gate.js'
export { signToken, type TokenRequest } from './auth/sign-token.js'
export { type Credentials, findToken } from './auth/token-carriers.js'
export { type Config, ConfigError, configWith, loadConfig } from './config.js'
export { createPlenum, type Plenum, type PlenumOptions } from './create-plenum.js'
export {
  createService,
  type Service,
  type ServiceOptions,
} from './create-service.js'
export type { Handler } from './http/handler.js'
export type { Listener, Listeners } from './service/event-desk.js'
export type { ServiceAddress } from './service/listen.js'
export type { OpenStore } from './service/open-store.js'
export type { Author, SpaceCalls } from './service/space-calls.js'
export type { DrainReport } from './space/drain.js'
export type { DocumentChange } from './space/engine/local-edit.js'
export type { SpaceEventName, SpaceEvents } from './space/events.js'
export type { Access } from './space/peer.js'
export {
  GapError,
  type ListedSpace,
  type PresentClient,
  type Revocation,
  type Root,
  type SpaceDesk,
  type SpacePage,
  type SpaceSnapshot,
  type SpaceStats,
  type SpaceUpdate,
} from './space/space-desk.js'
export type { UpdateStore } from './space/update-store.js'
export { StartupError } from './storage/startup-error.js'

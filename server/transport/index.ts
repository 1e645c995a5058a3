/** The doors as the service wires them. */
export { Judge } from './judge.js'
export type { Admission, DoorObserver, Gate, Place, Refusal, Session, Spaces } from './ports.js'
export { clientAddress, clientHost } from './upgrade-request.js'
export { WebSocketDoor, type WebSocketDoorOptions } from './websocket/door.js'
export { sweptBeatMs } from './websocket/heartbeat.js'

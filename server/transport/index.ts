/** The doors as the service wires them. */
export { claimUpgrades, type UpgradeTaker } from './claimed-upgrades.js'
export { Judge, refusalOf } from './judge.js'
export type { Admission, DoorObserver, Gate, Place, Refusal, Session, Spaces } from './ports.js'
export { clientAddress, clientHost, readTarget } from './upgrade-request.js'
export { WatchedGate } from './watched-gate.js'
export { WebSocketDoor, type WebSocketDoorOptions } from './websocket/door.js'
export { sweptBeatMs } from './websocket/heartbeat.js'
export { refuseUpgrade } from './websocket/refusal.js'

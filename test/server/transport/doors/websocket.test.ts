import { doorContract } from '../../../contract/door.js'
import { doorToSpaceContract } from '../../../contract/door-to-space.js'
import { WEBSOCKET } from '../../../support/door-line.js'

doorContract(WEBSOCKET)
doorToSpaceContract(WEBSOCKET)

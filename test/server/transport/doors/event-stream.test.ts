import { doorContract } from '../../../contract/door.js'
import { doorToSpaceContract } from '../../../contract/door-to-space.js'
import { EVENT_STREAM } from '../../../support/door-line.js'

doorContract(EVENT_STREAM)
doorToSpaceContract(EVENT_STREAM)

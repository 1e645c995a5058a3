import { doorContract } from '../../../contract/door.js'
import { doorToSpaceContract } from '../../../contract/door-to-space.js'
import { POLLED_EVENT_STREAM } from '../../../support/door-line.js'

doorContract(POLLED_EVENT_STREAM)
doorToSpaceContract(POLLED_EVENT_STREAM)

/** Something of a request that is not as the API asks for it; whoever sent it is told what, and not what it was. */
import { PlenumError } from '../../../shared/errors.js'

export class BadField extends PlenumError {
  readonly field: string

  constructor(field: string, why = 'is not valid') {
    super('bad_request', `bad request: "${field}" ${why}`)
    this.field = field
  }
}

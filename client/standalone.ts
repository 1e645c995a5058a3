/** `plenum-client.js`: the client and the Yjs that it works on as one file, for pages without a bundler. */
import * as Y from 'yjs'
import { PlenumError } from '../shared/errors.js'
import { intentions } from './intentions/intentions.js'
import { warnBeforeUnload } from './provider/warn-before-unload.js'
import { SpaceProvider } from './space-provider.js'

export { intentions, PlenumError, SpaceProvider, warnBeforeUnload, Y }

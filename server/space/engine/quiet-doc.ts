/**
 * A Yjs document that tells only those who listen: Yjs tells of every transaction under half a dozen names, and makes
 * lists of the listeners even where there are none.
 */
import * as Y from 'yjs'

type Told = Parameters<Y.Doc['emit']>

export class QuietDoc extends Y.Doc {
  override emit(name: Told[0], args: Told[1]): void {
    if (this._observers.has(name)) super.emit(name, args)
  }
}

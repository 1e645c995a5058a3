/** The port through which the demo page gets tokens. Apart from the route, so that embedders need no types of it. */
import type { Role } from '../../shared/roles.js'

export interface DemoWish {
  readonly name: string
  readonly role: Role
}

export interface DemoDesk {
  /** Resolves null where this is not the invitation. */
  tokenFor(invitation: string, wish: DemoWish): Promise<string | null>
}

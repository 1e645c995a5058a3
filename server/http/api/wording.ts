/** The events of a stream in the words of the other answers. */
import type { z } from 'zod'
import { ERRORS, type ErrorCode } from '../../../shared/errors.js'
import type { SpaceName } from '../../../shared/names.js'
import type { Roster } from '../../../shared/protocol/index.js'
import type { AttestedIntentions } from '../../space/intentions-desk.js'
import type { PresentClient, SpaceSnapshot } from '../../space/space-desk.js'
import type { Change, IntentionsNow, MembersChange, PresenceChange, Snapshot, StreamEnd } from './schemas.js'
import { base64, shownClient, shownIntentions, shownMembers, shownSnapshot } from './shown.js'

interface PresenceNews {
  readonly isWhole: boolean
  readonly present: readonly PresentClient[]
  readonly gone: readonly number[]
}

export const wordingFor = (space: SpaceName, now: () => number) => ({
  snapshot: (snapshot: SpaceSnapshot): z.input<typeof Snapshot> => ({
    space,
    serverTime: now(),
    ...shownSnapshot(snapshot),
  }),
  presence: ({ isWhole, present, gone }: PresenceNews): z.input<typeof PresenceChange> => ({
    isWhole,
    present: present.map(shownClient),
    gone: [...gone],
  }),
  members: ({ isWhole, serverTimeMs, members, forgotten }: Roster): z.input<typeof MembersChange> => ({
    isWhole,
    serverTime: serverTimeMs,
    members: shownMembers(members),
    forgotten: [...forgotten],
  }),
  intentions: (intentions: AttestedIntentions): z.input<typeof IntentionsNow> => shownIntentions(intentions),
  change: (update: Uint8Array, position: number): z.input<typeof Change> => ({
    position,
    update: base64(update),
  }),
  close: (code: ErrorCode, message: string): z.input<typeof StreamEnd> => ({
    code,
    message,
    retryable: ERRORS[code].retryable,
  }),
})

export type StreamWording = ReturnType<typeof wordingFor>

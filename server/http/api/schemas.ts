/**
 * Everything that goes in and out of the HTTP API, as schemas: requests are checked against them, answers are typed
 * by them, and the OpenAPI document is made of them. Times are ms since 1970 on the server's clock.
 */
import { z } from 'zod'
import { ERRORS, type ErrorCode } from '../../../shared/errors.js'
import { INTENTION_STATUSES } from '../../../shared/intentions/intention.js'
import { LEAVE_REASONS } from '../../../shared/protocol/messages.js'

/** Those that have a name in the document. */
export const NAMED = z.registry<{ id: string }>()

const named = <Schema extends z.ZodType>(id: string, schema: Schema): Schema => {
  NAMED.add(schema, { id })
  return schema
}

const time = (what: string): z.ZodInt => z.int().min(0).describe(`${what}, ms since 1970`)
const count = (what: string): z.ZodInt => z.int().min(0).describe(what)
const space = z.string().describe("The space's name")
const incarnation = z
  .string()
  .describe('The life of the content: another one after a repair, and once a space began anew')
const epoch = z.string().describe('Positions of different epochs have nothing to do with each other')
const position = count('How far the log was')
const base64 = (what: string): z.ZodString => z.string().describe(`${what}, in base64`)
const user = z.string().describe("The token's `sub`")

export const Failure = named(
  'Failure',
  z
    .object({
      code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]).describe('One of a closed list'),
      message: z.string().describe('For people; programs go by the code'),
      retryable: z.boolean().describe('Whether the same request may succeed later'),
      field: z.string().optional().describe('With `bad_request`: what of the request is wrong'),
      stateVector: base64('With `gap`: what the document has').optional(),
    })
    .describe('What went wrong'),
)

export const Member = named(
  'Member',
  z
    .object({
      user,
      name: z.string().nullable().describe('For show; null where the token names nobody'),
      connections: count('Tabs, devices and programs; 0 once they left'),
      joinedAt: time('When the unbroken stay began'),
      lastSeen: time('The last edit, or change of presence'),
      left: z
        .object({ at: time('When'), reason: z.enum(LEAVE_REASONS) })
        .nullable()
        .describe('Null while they are here'),
    })
    .describe('A user who is here, or was'),
)

export const PresentClient = named(
  'PresentClient',
  z
    .object({
      clientId: count('The Yjs clientID'),
      user: z.string().nullable().describe('Whose connection it is, by their token'),
      state: z
        .record(z.string(), z.unknown())
        .describe('The awareness state, as everybody in the space sees it'),
    })
    .describe('A client that announced itself'),
)

export const Intention = named(
  'Intention',
  z
    .object({
      id: z.string(),
      by: z.string().describe('Whose intention it is, as they say'),
      text: z.string(),
      status: z.enum(INTENTION_STATUSES),
      createdAt: z.number().describe('By the clock of whoever wrote, ms since 1970'),
      modifiedAt: z.number().describe('By the clock of whoever wrote, ms since 1970'),
      target: z.string().optional().describe("What it is about, in the app's own words"),
      verified: z.boolean().describe('Whether it was the user in `by` who delivered the entry and said so'),
      deliveredBy: z
        .record(z.string(), z.string().nullable())
        .describe(
          'Who delivered the entry and what each field is now; null where nobody alone is known to have',
        ),
    })
    .describe('What somebody means to do'),
)

const intentionLists = {
  intentions: z.array(Intention),
  invalid: z
    .array(z.object({ key: z.string(), reason: z.string() }))
    .describe('Entries that are no intentions'),
}
const answered = { space, serverTime: time("The server's clock") }

export const Members = named('Members', z.object({ ...answered, members: z.array(Member) }))

export const Intentions = named('Intentions', z.object({ ...answered, ...intentionLists }))

export const Snapshot = named(
  'Snapshot',
  z
    .object({
      ...answered,
      incarnation,
      epoch,
      position,
      stateVector: base64("The document's state vector, as Yjs encodes it"),
      presence: z.array(PresentClient),
      members: z.array(Member),
      ...intentionLists,
    })
    .describe('One consistent cut: everything as of one moment of the space'),
)

export const Edited = named(
  'Edited',
  z.object({ space, position: count('The edit is on disk at this position of the log') }),
)

export const Content = named(
  'Content',
  z.object({ space, content: z.record(z.string(), z.unknown()).describe('By the names of the roots') }),
)

const listed = {
  space,
  incarnation,
  createdAt: time('When it was first written, or created'),
  deletedAt: time('When it was deleted').nullable().describe('Null unless it is deleted'),
  isOpen: z.boolean().describe('Whether the server has it in memory'),
  connections: count('How many there are now'),
}
export const ListedSpace = named('ListedSpace', z.object(listed))

export const Spaces = named(
  'Spaces',
  z.object({
    spaces: z.array(ListedSpace),
    next: z
      .string()
      .nullable()
      .describe('What to pass as `after` for more; null where this is the last page'),
  }),
)

export const Stats = named(
  'Stats',
  z.object({
    ...listed,
    updatedAt: time('When it was last written'),
    position: count('How far the log is'),
    durablePosition: count('How far it is on disk'),
    snapshotPosition: count('How far the newest verified snapshot goes; 0 where there is none'),
    snapshotBytes: count("The snapshot's size"),
    logBytes: count('What is on disk behind that snapshot'),
    membersHere: count('Members who are here'),
    membersLeft: count('Members who left and are remembered'),
    quarantine: z.string().nullable().describe('Why nothing may be written; null where it may'),
  }),
)

export const Standing = named('Standing', z.object({ space, incarnation }))

export const Disconnected = named(
  'Disconnected',
  z.object({ space, user, closed: count('How many connections were closed') }),
)

export const Revocations = named(
  'Revocations',
  z.object({
    space: z.string().nullable().describe('Null for those that hold for all spaces'),
    revocations: z.array(z.object({ user, at: time('Since when') })),
  }),
)

/** What a stream tells of presence since the last event. */
export const PresenceChange = named(
  'PresenceChange',
  z.object({
    isWhole: z.boolean().describe('Whether it is everybody, or only of whom something changed'),
    present: z.array(PresentClient).describe('Whose state is another one now'),
    gone: z.array(z.int()).describe('The clientIDs of those who are gone'),
  }),
)

export const MembersChange = named(
  'MembersChange',
  z.object({
    isWhole: z.boolean().describe('Whether it is everybody, or only of whom something changed'),
    serverTime: time("The server's clock"),
    members: z.array(Member),
    forgotten: z.array(z.string()).describe('Users who are not listed any more'),
  }),
)

export const IntentionsNow = named('IntentionsNow', z.object(intentionLists))

export const Change = named(
  'Change',
  z.object({
    position: count('Everything up to here has been told once this is applied'),
    update: base64('A Yjs update, encoding v1'),
  }),
)

export const StreamEnd = named(
  'StreamEnd',
  z.object({
    code: Failure.shape.code,
    message: z.string(),
    retryable: z.boolean().describe('Whether to come back, with a fresh token where the code says so'),
  }),
)

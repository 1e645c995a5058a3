/** The OpenAPI 3.1 document of the API, made of its routes and schemas: it cannot say what they do not. */
import { z } from 'zod'
import { ERRORS, type ErrorCode } from '../../../shared/errors.js'
import { PROTOCOL_VERSION } from '../../../shared/protocol/version.js'
import { mayDo, ROLES } from '../../../shared/roles.js'
import type { Answer, Lock, Route, RouteSpec } from './route.js'
import { Failure, NAMED } from './schemas.js'

export type Json = { readonly [key: string]: unknown }

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly description: string
  readonly schema: Json
}

export interface OperationObject {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly summary: string
  readonly description: string
  readonly security: readonly Json[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly description: string; readonly required: true; readonly content: Json }
  readonly responses: Readonly<Record<string, ResponseObject>>
}

export interface ResponseObject {
  readonly description: string
  readonly headers?: Json
  readonly content?: Readonly<Record<string, { readonly schema?: Json }>>
}

export interface OpenApi {
  readonly openapi: '3.1.0'
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly servers: readonly { readonly url: string }[]
  readonly tags: readonly { readonly name: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Json>>; readonly securitySchemes: Json }
}

/** What any route may answer. */
const COMMON: readonly ErrorCode[] = ['bad_request', 'rate_limited', 'origin_denied', 'internal']
const LOCKED: readonly ErrorCode[] = ['unauthenticated', 'token_expired', 'forbidden', 'revoked', 'draining']

export const openApi = (routes: readonly Route[], basePath: string): OpenApi => {
  const paths: Record<string, Record<string, OperationObject>> = {}
  for (const { spec } of routes) {
    paths[templateOf(spec.path)] = { ...paths[templateOf(spec.path)], [spec.method]: operationOf(spec) }
  }
  const tags = [...new Set(routes.map(({ spec }) => spec.tag))]
  return {
    openapi: '3.1.0',
    info: {
      title: 'Plenum',
      version: String(PROTOCOL_VERSION),
      description:
        'Spaces over HTTP: what is in them, what changes, and who may. Names of spaces and users stand in paths percent-encoded as one segment (`team-a%2Fnotes`). Every failure is `{code, message, retryable}`.',
    },
    servers: [{ url: `${basePath}/api` }],
    tags: tags.map(name => ({ name })),
    paths,
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'The token that opens a WebSocket, in the header `Authorization`; nowhere else.',
        },
      },
    },
  }
}

/** `/spaces/:space` → `/spaces/{space}` */
export const templateOf = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}')

/** Every code that a route refuses with. */
export const refusalsOf = ({ lock, refuses }: Pick<RouteSpec, 'lock' | 'refuses'>): ErrorCode[] => {
  const ofLock = lock.type === 'open' ? [] : LOCKED
  const ofName: ErrorCode[] = lock.type === 'space' ? ['bad_name'] : []
  return [...new Set<ErrorCode>([...COMMON, ...ofName, ...ofLock, ...refuses])]
}

const operationOf = (spec: RouteSpec): OperationObject => {
  const parameters = parametersOf(spec)
  return {
    operationId: spec.id,
    tags: [spec.tag],
    summary: spec.summary,
    description: `${spec.description}${neededRole(spec.lock)}`,
    security: spec.lock.type === 'open' ? [] : [{ token: [] }],
    ...(parameters.length > 0 && { parameters }),
    ...(spec.body !== null && {
      requestBody: {
        description: spec.body,
        required: true,
        content: { 'application/octet-stream': {} },
      },
    }),
    responses: { ...successOf(spec), ...failuresOf(spec) },
  }
}

const neededRole = (lock: Lock): string => {
  const least = lock.type === 'open' ? undefined : ROLES.find(role => mayDo(role, lock.needs))
  return least === undefined ? '' : ` Needs the role \`${least}\`.`
}

const parametersOf = ({ path, params, query, headers }: RouteSpec): Parameter[] => [
  ...[...path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({
    ...parameter('path', name, true),
    ...described(params.shape[name] ?? SpaceParam),
  })),
  ...Object.entries(query.shape).map(([name, schema]) => ({
    ...parameter('query', name, !isOptional(schema as z.ZodType)),
    ...described(schema as z.ZodType),
  })),
  ...Object.entries(headers).map(([name, description]) => ({
    ...parameter('header', name, false),
    description,
    schema: { type: 'string' },
  })),
]

const SpaceParam = z.string().describe("The space's name, percent-encoded as one segment")

const parameter = <In extends Parameter['in']>(where: In, name: string, required: boolean) => ({
  name,
  in: where,
  required,
})

const described = (schema: unknown): Pick<Parameter, 'description' | 'schema'> => {
  const { description = '', ...rest } = inlineSchema(schema as z.ZodType)
  return { description: String(description), schema: rest }
}

const isOptional = (schema: z.ZodType): boolean => schema.safeParse(undefined).success

const successOf = ({ answer, answers }: RouteSpec): Record<string, ResponseObject> => {
  switch (answer.type) {
    case 'json': {
      const content = { 'application/json': { schema: refTo(answer.schema) } }
      return {
        200: { description: answers, content },
        ...(answer.created !== undefined && { 201: { description: answer.created, content } }),
      }
    }
    case 'nothing':
      return { 204: { description: answers } }
    case 'bytes':
      return {
        200: {
          description: answers,
          headers: headersOf(answer.headers),
          content: { 'application/octet-stream': {} },
        },
      }
    case 'events':
      return {
        200: { description: answers, content: { 'text/event-stream': { schema: eventSchema(answer) } } },
      }
    case 'page':
      return { 200: { description: answers, content: { 'text/html': {} } } }
    case 'document':
      return {
        200: { description: answers, content: { 'application/json': { schema: { type: 'object' } } } },
      }
  }
}

/** OpenAPI 3.1 has no words for events: what they carry is told as alternatives, by their names. */
const eventSchema = ({ events }: Answer & { type: 'events' }): Json => ({
  type: 'string',
  description: Object.keys(events)
    .map(name => `\`${name}\``)
    .join(', '),
  contentMediaType: 'text/event-stream',
  'x-events': Object.fromEntries(Object.entries(events).map(([name, schema]) => [name, refTo(schema)])),
})

const headersOf = (headers: Readonly<Record<string, string>>): Json =>
  Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: 'string' } }]),
  )

const failuresOf = (spec: RouteSpec): Record<string, ResponseObject> => {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of refusalsOf(spec)) {
    const { http } = ERRORS[code]
    byStatus.set(http, [...(byStatus.get(http) ?? []), code])
  }
  const sorted = [...byStatus].sort(([a], [b]) => a - b)
  return Object.fromEntries(
    sorted.map(([status, codes]) => [
      status,
      {
        description: codes.map(code => `\`${code}\`: ${ERRORS[code].text}`).join('; '),
        content: { 'application/json': { schema: refTo(Failure) } },
      },
    ]),
  )
}

const refTo = (schema: z.ZodType): Json => {
  const name = NAMED.get(schema)?.id
  return name === undefined ? inlineSchema(schema) : { $ref: placeOf(name) }
}

const placeOf = (name: string): string => `#/components/schemas/${name}`

const componentSchemas = (): Readonly<Record<string, Json>> => {
  const { schemas } = z.toJSONSchema(NAMED, { uri: placeOf, io: 'input' })
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, bare(schema)]))
}

const inlineSchema = (schema: z.ZodType): Json =>
  bare(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))

/** Without what a document of its own would need. */
const bare = ({ $schema, $id, ...schema }: Json): Json => schema

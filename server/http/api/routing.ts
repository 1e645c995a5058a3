/**
 * Makes routes of what they are and who handles them. In this order: the name of the space, the token and what it is
 * good for, the rest of the request; then the handler, whose answer is sent. Whoever may not ask learns nothing else.
 */
import type { Request, Response } from 'express'
import express from 'express'
import { z } from 'zod'
import { PlenumError } from '../../../shared/errors.js'
import { parseSpaceName } from '../../../shared/names.js'
import { mayDo, type Operation, type Role } from '../../../shared/roles.js'
import { BadField } from './bad-field.js'
import type {
  Answer,
  Asked,
  Call,
  Lock,
  Route,
  RouteSpec,
  ScopeCall,
  SpaceCall,
  StreamCall,
} from './route.js'

const NOTHING = z.strictObject({})
type Nothing = typeof NOTHING

/** A spec, of which may be left out what there is none of. */
type Brief<A extends Answer, Q extends z.ZodObject, P extends z.ZodObject> = Omit<
  RouteSpec,
  'query' | 'params' | 'lock' | 'answer' | 'headers' | 'body' | 'refuses'
> &
  Partial<Pick<RouteSpec, 'headers' | 'body' | 'refuses'>> & {
    readonly answer: A
    readonly query?: Q
    readonly params?: P
  }

/** What a handler resolves with: the answer, or nothing where it has written it itself. */
type Given<A extends Answer> = A extends { readonly type: 'json'; readonly schema: infer Schema }
  ? z.input<Schema>
  : A extends { readonly type: 'bytes' }
    ? { readonly bytes: Uint8Array; readonly headers: Readonly<Record<string, string>> }
    : unknown

export const spaceRoute = <
  const A extends Answer,
  Q extends z.ZodObject = Nothing,
  P extends z.ZodObject = Nothing,
>(
  { needs, ...brief }: Brief<A, Q, P> & { readonly needs: Operation },
  handle: (call: SpaceCall<Q, P>) => Promise<Given<A>>,
): Route => {
  const spec = specOf(brief, { type: 'space', needs })
  return routeOf(spec, async asked => {
    const space = parseSpaceName(String(asked.request.params.space))
    const access = await asked.api.admit(asked, space)
    expectRole(access.role, needs)
    return handle({ ...(await checked<Q, P>(asked, spec)), space, access })
  })
}

/** A route that stays: whoever uses it takes a place among the connections. */
export const streamRoute = <
  const A extends Answer,
  Q extends z.ZodObject = Nothing,
  P extends z.ZodObject = Nothing,
>(
  { needs, ...brief }: Brief<A, Q, P> & { readonly needs: Operation },
  handle: (call: StreamCall<Q, P>) => Promise<Given<A>>,
): Route => {
  const spec = specOf(brief, { type: 'space', needs })
  return routeOf(spec, async asked => {
    const name = parseSpaceName(String(asked.request.params.space))
    const { space, access, place } = await asked.api.enter(asked.request, name)
    let call: Call<Q, P>
    try {
      expectRole(access.role, needs)
      call = await checked<Q, P>(asked, spec)
    } catch (error) {
      place.leave()
      throw error
    }
    return handle({ ...call, space, access, place })
  })
}

/** @param needs where `isEverywhere`, on every space there is or will be; else the handler looks at each */
export const scopeRoute = <
  const A extends Answer,
  Q extends z.ZodObject = Nothing,
  P extends z.ZodObject = Nothing,
>(
  {
    needs,
    isEverywhere,
    ...brief
  }: Brief<A, Q, P> & { readonly needs: Operation; readonly isEverywhere: boolean },
  handle: (call: ScopeCall<Q, P>) => Promise<Given<A>>,
): Route => {
  const spec = specOf(brief, { type: 'scope', needs, isEverywhere })
  return routeOf(spec, async asked => {
    const scope = await asked.api.survey(asked)
    if (isEverywhere) expectRole(scope.everywhere, needs)
    return handle({ ...(await checked<Q, P>(asked, spec)), scope })
  })
}

export const openRoute = <const A extends Answer>(
  brief: Brief<A, Nothing, Nothing>,
  handle: (call: Call<Nothing, Nothing>) => Promise<Given<A>>,
): Route => {
  const spec = specOf(brief, { type: 'open' })
  return routeOf(spec, async asked => handle(await checked<Nothing, Nothing>(asked, spec)))
}

const specOf = <A extends Answer, Q extends z.ZodObject, P extends z.ZodObject>(
  brief: Brief<A, Q, P>,
  lock: Lock,
): RouteSpec => ({
  headers: {},
  body: null,
  refuses: [],
  ...brief,
  query: brief.query ?? NOTHING,
  params: brief.params ?? NOTHING,
  lock,
})

const routeOf = (spec: RouteSpec, answer: (asked: Asked) => Promise<unknown>): Route => ({
  spec,
  handle: async asked => {
    // Nothing of what is told here is to be told again from somewhere else.
    asked.response.set('Cache-Control', 'no-store')
    send(spec.answer, asked.response, await answer(asked))
    if (spec.answer.type !== 'events') expectReader(asked)
  },
})

const send = (answer: Answer, response: Response, given: unknown): void => {
  switch (answer.type) {
    case 'json':
      response.json(given)
      return
    case 'nothing':
      response.status(204).end()
      return
    case 'bytes': {
      const { bytes, headers } = given as Given<Answer & { type: 'bytes' }>
      // No copy: it may be what many others are being sent.
      const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
      response.set(headers).type('application/octet-stream').send(body)
      return
    }
    default:
      // It has been written.
      return
  }
}

/** An answer that nobody takes is not kept. Node's timer of the socket begins anew with all that is taken. */
const expectReader = ({ api, response }: Asked): void => {
  if (!response.writableFinished) response.setTimeout(api.slowReaderMs, () => response.destroy())
}

/** @throws read_only where it is editing that the role lacks, else forbidden */
const expectRole = (role: Role | null, needs: Operation): void => {
  if (role !== null && mayDo(role, needs)) return
  if (needs === 'edit-document') throw new PlenumError('read_only')
  throw new PlenumError('forbidden', 'the role that the token grants is not enough for this')
}

/** @throws bad_request with the field, too_large */
const checked = async <Q extends z.ZodObject, P extends z.ZodObject>(
  asked: Asked,
  { query, params, body, lock }: RouteSpec,
): Promise<Call<Q, P>> => {
  const { space: _, ...others } = asked.request.params
  return {
    ...asked,
    query: conform(query, queryOf(asked.request, query)) as z.output<Q>,
    params: conform(params, lock.type === 'space' ? others : asked.request.params) as z.output<P>,
    body: body === null ? new Uint8Array(0) : await bodyOf(asked),
  }
}

const conform = (schema: z.ZodObject, value: unknown): unknown => {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const field = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path[0]
  // What was sent is not repeated: it may be a token that lost its way.
  throw new BadField(String(field ?? ''), issue?.code === 'unrecognized_keys' ? 'is unknown' : issue?.message)
}

/** Lists as lists, the rest as one text each; what is there twice and no list is told as it is, and refused. */
const queryOf = ({ url }: Request, schema: z.ZodObject): unknown => {
  const mark = url.indexOf('?')
  const sent = new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1))
  const value: Record<string, unknown> = Object.create(null)
  for (const key of new Set(sent.keys())) {
    const all = sent.getAll(key)
    value[key] = all.length === 1 && !isList(schema.shape[key]) ? all[0] : all
  }
  return { ...value }
}

const isList = (schema: unknown): boolean => {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return isList(schema.unwrap())
  return schema instanceof z.ZodArray
}

const OCTETS = 'application/octet-stream'

const bodyOf = async ({ api, request, response }: Asked): Promise<Uint8Array> => {
  const read = express.raw({ type: OCTETS, limit: api.maxUpdateBytes, inflate: false })
  await new Promise<void>((resolve, reject) => {
    read(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(error)))
  })
  const { body } = request as { body?: unknown }
  if (!Buffer.isBuffer(body) || body.length === 0)
    throw new BadField('body', `must be ${OCTETS}, and not empty`)
  return body
}

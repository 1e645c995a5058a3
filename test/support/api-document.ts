/** The API's own document as a judge of its answers, by another library than the one that it is made with. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import { API_ROUTES } from '../../server/http/api/api-router.js'
import { type Json, type OpenApi, openApi, templateOf } from '../../server/http/api/openapi.js'
import type { Route } from '../../server/http/api/route.js'
import { assert } from './suite.js'

export const document: OpenApi = openApi(API_ROUTES, '')

export const routeOf = (id: string): Route => {
  const found = API_ROUTES.find(({ spec }) => spec.id === id)
  if (found === undefined) throw new Error(`there is no route "${id}"`)
  return found
}

/** Readers are to accept what they do not know; a server is to say what it has not told it would. */
const closed = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]))
  return 'properties' in schema ? { additionalProperties: false, ...inner } : inner
}

const ajv = new Ajv2020({ strict: false })
ajv.addSchema({ $id: 'api', components: closed(document.components) })

/** Whether a value is as the document says; fails with what is wrong. */
export const conforms = (schema: Json, value: unknown): void => {
  const located = JSON.parse(JSON.stringify(closed(schema)).replaceAll('"#/', '"api#/'))
  const validate = ajv.compile(located)
  assert.ok(validate(value), `${JSON.stringify(value)}: ${ajv.errorsText(validate.errors)}`)
}

/** Whether an answer to this route is one that the document has, and its JSON as it says. @returns the JSON */
export const expectDocumented = async (id: string, response: Response): Promise<unknown> => {
  const { spec } = routeOf(id)
  const told = document.paths[templateOf(spec.path)]?.[spec.method]?.responses[String(response.status)]
  assert.ok(told !== undefined, `${id} may answer ${response.status}`)
  const [kind = ''] = (response.headers.get('content-type') ?? '').split(';')
  assert.is(kind, Object.keys(told.content ?? {})[0] ?? '', `the kind of ${id}'s ${response.status}`)
  for (const header of Object.keys(told.headers ?? {})) assert.ok(response.headers.has(header), header)
  if (kind !== 'application/json') return null
  const answer: unknown = await response.json()
  conforms(told.content?.[kind]?.schema as Json, answer)
  return answer
}

/**
 * A route of the HTTP API as data: what it needs, takes and answers, and who handles it. The router, the checks, the
 * OpenAPI document and its page are all made of the same list, so that none of them can know of a route alone.
 */
import type { Request, Response } from 'express'
import type { z } from 'zod'
import type { ErrorCode } from '../../../shared/errors.js'
import type { SpaceName } from '../../../shared/names.js'
import type { Operation } from '../../../shared/roles.js'
import type { Access, Scope } from '../../space/peer.js'
import type { ApiPorts, Place } from './ports.js'

/** `space`: the path names one, and the token must be good for it. `scope`: no space is named. `open`: no token. */
export type Lock =
  | { readonly type: 'space'; readonly needs: Operation }
  | { readonly type: 'scope'; readonly needs: Operation; readonly isEverywhere: boolean }
  | { readonly type: 'open' }

export type Answer =
  | { readonly type: 'json'; readonly schema: z.ZodType; readonly created?: string }
  | { readonly type: 'nothing' }
  | { readonly type: 'bytes'; readonly headers: Readonly<Record<string, string>> }
  | { readonly type: 'events'; readonly events: Readonly<Record<string, z.ZodType>> }
  | { readonly type: 'page' }
  | { readonly type: 'document' }

export interface RouteSpec {
  /** OpenAPI's `operationId`. */
  readonly id: string
  readonly method: 'get' | 'put' | 'post' | 'delete'
  /** Below `/api`, as express writes it. */
  readonly path: string
  readonly tag: string
  readonly summary: string
  readonly description: string
  readonly lock: Lock
  readonly query: z.ZodObject
  /** What the path has besides `space`. */
  readonly params: z.ZodObject
  readonly headers: Readonly<Record<string, string>>
  /** What the binary body is; null where there is none. */
  readonly body: string | null
  readonly answer: Answer
  /** What the answer is, in words. */
  readonly answers: string
  /** Besides what every route refuses with. */
  readonly refuses: readonly ErrorCode[]
}

export interface Asked {
  readonly api: ApiPorts
  readonly request: Request
  readonly response: Response
}

export interface Route {
  readonly spec: RouteSpec
  /** Resolves when it has been answered. */
  handle(asked: Asked): Promise<void>
}

/** What a handler is told besides: all of it has been checked. */
export interface Call<Query extends z.ZodObject, Params extends z.ZodObject> extends Asked {
  readonly query: z.output<Query>
  readonly params: z.output<Params>
  /** Empty where the route takes none. */
  readonly body: Uint8Array
}
export interface SpaceCall<Query extends z.ZodObject, Params extends z.ZodObject>
  extends Call<Query, Params> {
  readonly space: SpaceName
  readonly access: Access
}
export interface StreamCall<Query extends z.ZodObject, Params extends z.ZodObject>
  extends SpaceCall<Query, Params> {
  /** Whoever gets it leaves it. */
  readonly place: Place
}
export interface ScopeCall<Query extends z.ZodObject, Params extends z.ZodObject>
  extends Call<Query, Params> {
  readonly scope: Scope
}

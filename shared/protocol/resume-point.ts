/**
 * From where a client wants to go on: `?after=<epoch>:<position>` in the URL of a `plenum.v1` connection. It is a
 * wish: a server that cannot grant it, or cannot read it, syncs by state vectors.
 */

export interface ResumePoint {
  /** Positions mean something only within one epoch. */
  readonly epoch: string
  /** Everything up to this durable log position is in the client's document. */
  readonly position: number
}

export const RESUME_PARAMETER = 'after'

const MAX_EPOCH_LENGTH = 128

export const formatResumePoint = ({ epoch, position }: ResumePoint): string => `${epoch}:${position}`

/** Null for whatever is not exactly one point. */
export const parseResumePoint = (text: string | null): ResumePoint | null => {
  const [, epoch = '', digits = ''] = /^(.*):([1-9]\d{0,15})$/s.exec(text ?? '') ?? []
  const position = Number(digits)
  if (epoch === '' || epoch.length > MAX_EPOCH_LENGTH || !Number.isSafeInteger(position)) return null
  return { epoch, position }
}

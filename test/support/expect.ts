/** Assertions in the project's own words. */
import { type ErrorCode, PlenumError } from '../../shared/errors.js'
import { assert } from './suite.js'

/** The PlenumError with this code that `run` throws. */
export const throwsCode = (code: ErrorCode, run: () => unknown): PlenumError => {
  try {
    run()
  } catch (error) {
    return hasCode(code, error)
  }
  return assert.unreachable(`expected "${code}" to be thrown`) as never
}

/** The PlenumError with this code that `promise` rejects with. */
export const rejectsWithCode = async (code: ErrorCode, promise: Promise<unknown>): Promise<PlenumError> => {
  let thrown: unknown
  try {
    await promise
  } catch (error) {
    thrown = error
  }
  return hasCode(code, thrown)
}

const hasCode = (code: ErrorCode, error: unknown): PlenumError => {
  if (!(error instanceof PlenumError)) throw new Error(`expected "${code}", got ${error}`, { cause: error })
  assert.is(error.code, code)
  return error
}

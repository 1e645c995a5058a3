/** What every answer tells a browser: nothing of ours is framed, sniffed, or told where it was linked from. */
import type { RequestHandler } from 'express'

/** For answers that are no page: should a browser take one for one, nothing in it runs. */
const NOTHING_RUNS = "default-src 'none'; frame-ancestors 'none'"

export const securityHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    'Content-Security-Policy': NOTHING_RUNS,
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
  })
  next()
}

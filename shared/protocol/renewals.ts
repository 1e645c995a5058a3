/**
 * Whether a connection is told that others are still there: with `?renewals=no` in its URL a `plenum.v1` client says
 * that it shows whom it was told of until it is told that they left. Any other may be a stock provider over a
 * channel, for which whoever is not renewed for 30 s is gone.
 */

export const RENEWALS_PARAMETER = 'renewals'
export const NO_RENEWALS = 'no'

/** Structured log lines (JSON, one a line), with tokens taken out of every line before it is written. */
import { type DestinationStream, type Logger, pino } from 'pino'
import { redact } from './redaction.js'

export type LogLevelSetting = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** @param destination where lines go; standard error by default, written at once */
export const createLogger = (
  level: LogLevelSetting,
  destination: DestinationStream = pino.destination({ dest: 2, sync: true }),
): Logger =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      hooks: { streamWrite: redact },
    },
    destination,
  )

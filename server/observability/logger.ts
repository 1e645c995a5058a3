/** Structured log lines (JSON, one a line), with tokens taken out of every line before it is written. */
import { EventEmitter } from 'node:events'
import { type DestinationStream, type Logger, pino } from 'pino'
import { redact } from './redaction.js'

export type LogLevelSetting = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** @param destination where lines go; standard error by default, written at once. Its failures are its own */
export const createLogger = (level: LogLevelSetting, destination?: DestinationStream): Logger =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      hooks: { streamWrite: redact },
    },
    destination === undefined ? standardError() : unfailing(destination),
  )

/** A full disk behind it must not end the process. */
const standardError = (): DestinationStream => pino.destination({ dest: 2, sync: true }).on('error', ignore)

/** It may throw, or be asynchronous and reject, or be a stream that breaks. */
const unfailing = (destination: DestinationStream): DestinationStream => {
  if (destination instanceof EventEmitter) destination.on('error', ignore)
  return {
    write: line => {
      try {
        Promise.resolve(destination.write(line)).catch(ignore)
      } catch {
        // There is nobody left to tell.
      }
    },
  }
}

const ignore = (): void => {}

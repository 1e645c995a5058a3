#!/usr/bin/env node
/** The program `plenum`: hands the command line, the streams and the signals to the commands. */
import { constants } from 'node:os'
import type { CliIo } from './cli/io.js'
import { run } from './cli/run.js'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

const io: CliIo = {
  out: line => {
    process.stdout.write(`${line}\n`)
  },
  err: line => {
    process.stderr.write(`${line}\n`)
  },
  onceAsked: callback => {
    let isAsked = false
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (isAsked) process.exit(128 + constants.signals[signal])
        isAsked = true
        callback()
      })
    }
  },
}

// The reader of our output may be gone (`plenum --help | head -1`): nobody is left to tell.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})

process.exitCode = await run(process.argv.slice(2), io)

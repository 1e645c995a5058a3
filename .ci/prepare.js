/**
 * Builds after an install. `npx` links a clone into its cache and calls that an install, too: what is built then stays
 * as it is, since a server may be running from it.
 */
import { execSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const isByNpx = process.env.npm_command === 'exec' && existsSync('dist/server/main.js')
if (!isByNpx) execSync('npm run build', { stdio: 'inherit' })

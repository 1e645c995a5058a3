/** Writes the table of settings into README.md, from the compiled configuration. A test compares the two. */
import { readFileSync, writeFileSync } from 'node:fs'
import { renderConfigTable } from '../dist/server/config.js'

const file = new URL('../README.md', import.meta.url)
const readme = readFileSync(file, 'utf8')
const table = `<!-- config -->\n\n${renderConfigTable()}\n\n<!-- /config -->`
writeFileSync(
  file,
  readme.replace(/<!-- config -->[\s\S]*?<!-- \/config -->/, () => table),
)

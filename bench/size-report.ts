/** How much a page loads for the client: what is kept of a measurement, and how the README shows it. */
import type { Origin } from './origin.js'

export interface Size {
  readonly what: string
  readonly minifiedBytes: number
  readonly gzipBytes: number
  /** Of what is loaded when it is first wanted: the local copy's store. */
  readonly lazyGzipBytes: number
}

export interface SizeReport extends Origin {
  readonly bundler: string
  readonly sizes: readonly Size[]
}

export const sizesToMarkdown = ({ date, commit, bundler, sizes }: SizeReport): string =>
  [
    '| bundle | minified | gzip | with `offline`, later |',
    '|---|---:|---:|---:|',
    ...sizes.map(
      ({ what, minifiedBytes, gzipBytes, lazyGzipBytes }) =>
        `| ${what} | ${show(minifiedBytes)} | **${show(gzipBytes)}** | ${lazyGzipBytes === 0 ? '' : show(lazyGzipBytes)} |`,
    ),
    '',
    `Measured ${date.slice(0, 10)}, commit ${commit}, bundled by ${bundler} and minified; 1 kB is 1000 bytes.`,
  ].join('\n')

const show = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`

/**
 * The house rules about who may import and touch what, as a function of the sources. The order of the layers
 * is the design's; a file that belongs to no layer is a mistake too.
 */
import { codeOf, importsOf, type Sources, UNKNOWN_SPECIFIER } from './sources.js'

/** First match decides. */
const LAYERS = {
  shared: /^shared\//,
  bell: /^server\/bell\.ts$/,
  engine: /^server\/space\/engine\//,
  space: /^server\/space\//,
  threads: /^server\/engine-threads\//,
  storage: /^server\/storage\//,
  auth: /^server\/auth\//,
  transport: /^server\/transport\//,
  http: /^server\/http\//,
  cluster: /^server\/cluster\//,
  config: /^server\/config(\.ts$|\/)/,
  observability: /^server\/observability(\.ts$|\/)/,
  service: /^server\/((create-service|create-plenum|index)\.ts$|service\/)/,
  main: /^server\/(main\.ts$|cli\/)/,
  channel: /^client\/channel(\.ts$|\/)/,
  react: /^client\/(react|demo)\//,
  client: /^client\//,
  test: /^test\//,
  bench: /^bench\//,
} as const

type Layer = keyof typeof LAYERS

const serverParts = [
  'bell',
  'engine',
  'space',
  'threads',
  'storage',
  'auth',
  'transport',
  'http',
  'cluster',
  'config',
  'observability',
] as const satisfies readonly Layer[]

/** What a layer may import besides itself. */
const MAY_IMPORT: Readonly<Record<Layer, readonly Layer[]>> = {
  shared: [],
  bell: [],
  engine: ['space', 'shared'],
  space: ['shared'],
  threads: ['engine', 'space', 'shared', 'bell'],
  // The compactor merges and verifies documents, which only the engine can.
  storage: ['engine', 'space', 'shared', 'bell'],
  auth: ['space', 'shared'],
  transport: ['space', 'shared'],
  http: ['space', 'shared'],
  cluster: ['space', 'shared'],
  config: ['space', 'shared'],
  observability: ['space', 'shared'],
  service: [...serverParts, 'shared'],
  main: [...serverParts, 'service', 'shared'],
  channel: ['shared'],
  client: ['channel', 'shared'],
  react: ['client', 'channel', 'shared'],
  test: [...serverParts, 'service', 'main', 'channel', 'client', 'react', 'shared', 'bench'],
  bench: [...serverParts, 'service', 'main', 'channel', 'client', 'react', 'shared', 'test'],
}

const YJS = /^(yjs|y-protocols|y-websocket|y-indexeddb)(\/|$)/
/** Layers that run in any JavaScript engine: browsers, or a core without I/O. */
const PORTABLE: readonly Layer[] = ['shared', 'space', 'channel', 'client', 'react']
/** Its purpose is to end the process, or its worker, at the worst moment. */
const FAULT_INJECTION = 'server/storage/failpoints.ts'
const FREE: readonly Layer[] = ['main', 'test', 'bench']

export const layerOf = (path: string): Layer | null =>
  (Object.keys(LAYERS) as Layer[]).find(layer => LAYERS[layer].test(path)) ?? null

/** Every wrong import, one line each. */
export const wrongImports = (sources: Sources): string[] => {
  const wrong: string[] = []
  for (const [path, source] of sources) {
    const layer = layerOf(path)
    if (layer === null) {
      wrong.push(`${path} belongs to no layer`)
      continue
    }
    const isFree = FREE.includes(layer)
    for (const { specifier, target } of importsOf(path, source, sources)) {
      if (target !== null) {
        const other = layerOf(target)
        const isAllowed = other !== null && (other === layer || MAY_IMPORT[layer].includes(other))
        if (!isAllowed) wrong.push(`${path} (${layer}) imports ${target} (${other ?? 'no layer'})`)
      } else if (specifier === UNKNOWN_SPECIFIER && !isFree) {
        wrong.push(`${path} imports a file that is not known before it runs`)
      } else if (specifier.startsWith('node:') && PORTABLE.includes(layer)) {
        wrong.push(`${path} (${layer}) imports ${specifier}`)
      } else if (YJS.test(specifier) && path.startsWith('server/') && layer !== 'engine') {
        wrong.push(`${path} (${layer}) imports ${specifier}, which only the engine may`)
      } else if (YJS.test(specifier) && layer === 'shared') {
        wrong.push(`${path} (${layer}) imports ${specifier}`)
      }
    }
  }
  return wrong
}

const PROCESS_SHELL =
  /\bprocess\s*\.\s*(on|once|off|emit|argv|argv0|execArgv|exit|exitCode|abort|kill|stdin|stdout|stderr|chdir)\b/g
const PROCESS = /(?<![.\w])process\s*\.\s*\w+/g
const ENVIRONMENT = /\bprocess\s*\.\s*env\b/g
const CONSOLE = /(?<![.\w])console\s*\.\s*\w+/g

/** Every use of the process, its environment or the console by a file that may not, one line each. */
export const wrongTouches = (sources: Sources): string[] =>
  [...sources].flatMap(([path, source]) => {
    const layer = layerOf(path)
    if (layer === null || layer === 'test' || layer === 'bench' || path === FAULT_INJECTION) return []
    const code = codeOf(source)
    const forbidden: RegExp[] = []
    if (layer !== 'config') forbidden.push(ENVIRONMENT)
    if (layer !== 'main') forbidden.push(PROCESS_SHELL, CONSOLE)
    if (PORTABLE.includes(layer)) forbidden.push(PROCESS)
    const found = forbidden.flatMap(pattern => [...code.matchAll(pattern)].map(([text]) => text))
    return [...new Set(found)].map(text => `${path} (${layer}) touches ${text.replaceAll(/\s/g, '')}`)
  })

/** One import cycle as the paths along it, or null. Type imports count: a cycle of types is one of concepts. */
export const importCycle = (sources: Sources): readonly string[] | null => {
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): readonly string[] | null => {
    const start = trail.indexOf(path)
    if (start >= 0) return [...trail.slice(start), path]
    const source = sources.get(path)
    if (source === undefined || done.has(path)) return null
    for (const { target } of importsOf(path, source, sources)) {
      const cycle = target === null ? null : visit(target, [...trail, path])
      if (cycle !== null) return cycle
    }
    done.add(path)
    return null
  }
  for (const path of sources.keys()) {
    const cycle = visit(path, [])
    if (cycle !== null) return cycle
  }
  return null
}

/** Relative imports that lead to no file: a typo, or a file of a shape that the check does not read. */
export const missingTargets = (sources: Sources): string[] =>
  [...sources].flatMap(([path, source]) =>
    importsOf(path, source, sources)
      .filter(({ target }) => target !== null && !sources.has(target))
      .map(({ specifier }) => `${path} imports ${specifier}, which is not there`),
  )

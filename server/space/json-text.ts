/** JSON from outside that is handed on to others: of bounded depth, and without keys that could reach a prototype. */

const MAX_DEPTH = 64
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype'])

/** Whether the text is JSON that may be handed on, whatever value it stands for. */
export const isPlainJson = (text: string): boolean => {
  try {
    return isPlain(JSON.parse(text))
  } catch {
    return false
  }
}

/** Whether a parsed value is shallow enough and has no forbidden key. */
export const isPlain = (root: unknown): boolean => {
  let level: unknown[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return false
    const below: unknown[] = []
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue
      for (const [key, child] of Object.entries(value)) {
        if (isForbiddenKey(key)) return false
        below.push(child)
      }
    }
    level = below
  }
  return true
}

export const isForbiddenKey = (key: string): boolean => FORBIDDEN_KEYS.has(key)

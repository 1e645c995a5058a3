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
export const isPlain = (root: unknown): boolean => isPlainAt(root, 0)

const isPlainAt = (value: unknown, depth: number): boolean => {
  if (depth > MAX_DEPTH) return false
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(item => isPlainAt(item, depth + 1))
  // It was parsed: what it has is its own.
  for (const key in value) {
    if (isForbiddenKey(key) || !isPlainAt((value as Record<string, unknown>)[key], depth + 1)) return false
  }
  return true
}

export const isForbiddenKey = (key: string): boolean => FORBIDDEN_KEYS.has(key)

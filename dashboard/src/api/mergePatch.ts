// What has to be sent so that a document becomes another (RFC 7396), and nothing more.
//
// Invariant: what is equal is not named, so that a change takes nothing back that somebody else set beside it. A list is
// one value; `null` removes.

export type MergePatch<T> = { [K in keyof T]?: T[K] extends object | null | undefined ? Deep<T[K]> : T[K] | null }
type Deep<T> = T extends readonly unknown[] ? T | null : T extends object ? MergePatch<T> | null : T | null

/** Nothing if there is nothing to change. */
export function mergePatch<T extends object>(from: T, to: T): MergePatch<T> | undefined {
  return objectPatch(from as Fields, to as Fields) as MergePatch<T> | undefined
}

type Fields = Record<string, unknown>

function objectPatch(from: Fields, to: Fields): Fields | undefined {
  const patch: Fields = {}
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [before, after] = [from[key] ?? null, to[key] ?? null]
    if (isObject(before) && isObject(after)) {
      const inner = objectPatch(before, after)
      if (inner !== undefined) patch[key] = inner
    } else if (!isSame(before, after)) {
      patch[key] = after
    }
  }
  return Object.keys(patch).length > 0 ? patch : undefined
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]))
  }
  if (isObject(a) && isObject(b)) return objectPatch(a, b) === undefined
  return a === b
}

// Every packaging: what it is called and where it begins, how it is made, and what each of its files is.
//
// `rows` is the truth that the rig's records are held against: the first pattern that matches a path below the
// packaging's folder tells the kind and, where the files belong to a rung, the rung. A kind that depends on the bytes
// that were asked for is a function of them.

import { HLS_LIVE } from './hls-live.mjs'
import { HLS_VOD } from './hls-vod.mjs'
import { DASH } from './dash.mjs'

export const PACKAGINGS = [...HLS_VOD, ...HLS_LIVE, ...DASH]

/** What a request for this path is, or undefined: `{ kind, rung }`, the rung null where there is none. */
export function classify({ rows, heads }, path, range) {
  for (const { path: pattern, kind } of rows) {
    const found = path.match(pattern)
    if (!found) continue
    const rung = found.groups?.rung
    const told = typeof kind === 'function' ? kind(parseRange(range), heads?.get(path)) : kind
    return { kind: told, rung: rung === undefined ? null : Number(rung) }
  }
}

function parseRange(range) {
  const found = range?.match(/^bytes=(\d+)-(\d*)$/)
  return found && { start: Number(found[1]), end: found[2] === '' ? undefined : Number(found[2]) }
}

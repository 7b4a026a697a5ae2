// ffmpeg reads the demo through the rig and from the origin itself: what comes out must be the same to the bit.
//
// Compared are the packets of every stream by number and time. Of a live stream two readers see windows that differ a
// little; there the packets count that lie between the first and the last that both have.

import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { KEPT, failed } from './table.mjs'

const SECONDS = 60
/** Of that, what both readers must have seen of a live stream. */
const LIVE_SECONDS = 50
const TIMEOUT_MS = 120_000

export const READS = [
  { stream: 'HLS, on demand', path: '/vod/master.m3u8', least: SECONDS },
  { stream: 'DASH, on demand', path: '/vod/manifest.mpd', least: SECONDS },
  { stream: 'HLS, live', path: '/live/master.m3u8', least: LIVE_SECONDS },
]

const run = promisify(execFile)

/** Reads both ways at the same time; one row. */
export async function read({ rig }, { stream, path, least }) {
  const id = randomUUID()
  try {
    const [through, direct] = await Promise.all([packets(await rig.session(path, id)), packets(rig.origin(path))])
    const both = [...through.keys()].filter((key) => direct.has(key))
    const span = common(both.map((key) => through.get(key)))
    const differ = both.filter((key) => through.get(key).hash !== direct.get(key).hash).length
    const alone = missing(through, direct, span) + missing(direct, through, span)
    const seconds = span.last - span.first
    const odd = rig.exchangesOf(id).filter(({ cause }) => cause && cause !== 'client')
    const wrong = [
      differ > 0 && `${differ} packets differ`,
      alone > 0 && `${alone} packets came one way only`,
      seconds < least - 1 && `both read only ${seconds.toFixed(1)} s`,
      odd.length > 0 && `${odd.length} exchanges went wrong`,
    ].filter(Boolean)
    const bytes = both.reduce((sum, key) => sum + through.get(key).size, 0)
    return {
      stream,
      verdict: wrong.length > 0 ? failed(wrong.join('; ')) : KEPT,
      'seconds compared': seconds.toFixed(1),
      streams: new Set([...through.values()].map(({ stream }) => stream)).size,
      'packets compared': both.length,
      'Mbyte compared': (bytes / 1e6).toFixed(1),
      differ,
      'one way only': alone,
      exchanges: rig.exchangesOf(id).length,
    }
  } catch (error) {
    return { stream, verdict: failed(error.message.split('\n').slice(0, 2).join(' ')) }
  }
}

/** Packet by stream and time, as `framemd5` lists them. */
async function packets(url) {
  const reading = ['-v', 'error', '-nostdin', '-copyts', '-t', String(SECONDS), '-i', url, '-map', '0']
  const { stdout } = await run('ffmpeg', [...reading, '-c', 'copy', '-f', 'framemd5', '-'], {
    maxBuffer: 2 ** 28,
    timeout: TIMEOUT_MS,
  })
  const bases = new Map()
  for (const [, stream, over, under] of stdout.matchAll(/^#tb (\d+): (\d+)\/(\d+)/gm)) bases.set(stream, over / under)
  const found = new Map()
  for (const line of stdout.split('\n').filter((line) => line && !line.startsWith('#'))) {
    const [stream, , pts, , size, hash] = line.split(',').map((cell) => cell.trim())
    found.set(`${stream} ${pts}`, { stream, at: pts * bases.get(stream), size: Number(size), hash })
  }
  return found
}

/** How many packets of the span `one` has and `other` has not. */
function missing(one, other, { first, last }) {
  return [...one].filter(([key, { at }]) => at >= first && at <= last && !other.has(key)).length
}

/** The span that every stream has. */
function common(packets) {
  const spans = new Map()
  for (const { stream, at } of packets) {
    const { first = at, last = at } = spans.get(stream) ?? {}
    spans.set(stream, { first: Math.min(first, at), last: Math.max(last, at) })
  }
  const ends = [...spans.values()]
  return { first: Math.max(...ends.map(({ first }) => first)), last: Math.min(...ends.map(({ last }) => last)) }
}

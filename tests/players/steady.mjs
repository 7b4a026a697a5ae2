// Players with nothing armed: they must play as if there were no rig.

import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { KEPT, counted, failed } from './table.mjs'

/** Of the clock, what media must have moved. */
const PACE = 0.97
const STALL_MS = 500

/** Who plays what. */
export const PLAYS = [
  { player: 'hls.js', stream: 'HLS', path: '/live/master.m3u8' },
  { player: 'hls.js', stream: 'HLS low latency', path: '/ll/master.m3u8' },
  { player: 'shaka', stream: 'HLS', path: '/live/master.m3u8' },
  { player: 'shaka', stream: 'HLS low latency', path: '/ll/master.m3u8' },
  { player: 'shaka', stream: 'DASH', path: '/live/manifest.mpd' },
  { player: 'dash.js', stream: 'DASH', path: '/live/manifest.mpd' },
  { player: 'dash.js', stream: 'DASH low latency', path: '/ll/manifest.mpd' },
]

/** Plays for so many seconds after the start-up; one row. */
export async function steady({ rig, browser, seconds }, { player, stream, path }) {
  const id = randomUUID()
  try {
    return await browser.play(player, rig.start(path, id), async (seen) => {
      await pause(seconds * 1_000)
      return { player, stream, ...judge(await seen(), rig.exchangesOf(id)), id }
    })
  } catch (error) {
    return { player, stream, verdict: failed(error.message.split('\n')[0]) }
  }
}

function judge(seen, exchanges) {
  const pace = seen.media_s / seen.wall_s
  const stalls = seen.stalls.filter((ms) => ms > STALL_MS)
  const caused = (cause) => exchanges.filter((exchange) => exchange.cause === cause)
  const others = exchanges.filter(({ cause }) => cause && cause !== 'client')
  const refused = exchanges.filter(({ answer }) => answer.status >= 400)
  const wrong = [
    seen.errors.length > 0 && counted(seen.errors.map(({ code }) => code)),
    pace < PACE && `media moved ${pace.toFixed(3)} of the clock`,
    stalls.length > 0 && `stalls of ${stalls.join(', ')} ms`,
    seen.jumps.length > 0 && `jumps of ${seen.jumps.map((jump) => jump.toFixed(1)).join(', ')} s`,
    others.length > 0 && counted(others.map(({ cause, fault }) => `${cause} ${fault?.type ?? ''}`)),
    refused.length > 0 && counted(refused.map(({ answer, request }) => `${answer.status} for a ${request.kind}`)),
  ].filter(Boolean)
  return {
    verdict: wrong.length > 0 ? failed(wrong.join('; ')) : KEPT,
    'wall s': seen.wall_s.toFixed(1),
    'media s': seen.media_s.toFixed(1),
    'media / wall': pace.toFixed(4),
    'longest stall ms': Math.max(0, ...seen.stalls),
    errors: seen.errors.length,
    'behind live s': seen.date ? ((seen.now - seen.date) / 1_000).toFixed(1) : '',
    height: seen.height,
    'frames dropped': `${seen.dropped} of ${seen.frames}`,
    exchanges: exchanges.length,
    'aborted by the player': caused('client').length,
  }
}

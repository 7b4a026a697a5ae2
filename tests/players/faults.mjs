// Each fault of the rig once, in the middle of a play: the rule must strike exactly one request, and the player must
// play on past it, or do what it documents.
//
// The faults are the rig's own list; what stands here is where one can be met, and what players document.

import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { KEPT, asDocumented, counted, failed } from './table.mjs'

const RULE = 'once'
const HIT_WITHIN_MS = 30_000
const PLAYS_ON_WITHIN_MS = 30_000
/** How long everything struck may be: a segment, and the next one that low-latency players ask for early. */
const PAST_MS = 4_000
/** How long it must have moved since then, without a rest. */
const RUNS_MS = 1_000
const LOOK_MS = 200

const HLS = { live: '/live/master.m3u8', low: '/ll/master.m3u8' }
const DASH = { live: '/live/manifest.mpd', low: '/ll/manifest.mpd' }

/** Who meets the faults, and on what. */
export const VICTIMS = [
  { player: 'hls.js', stream: 'HLS', paths: HLS },
  { player: 'shaka', stream: 'HLS', paths: HLS },
  { player: 'dash.js', stream: 'DASH', paths: DASH },
]

/** What is struck, by the scope of the fault; `hls` where MPDs have nothing of the kind. */
const BY_SCOPE = {
  any: { form: 'live', kind: 'segment' },
  manifest: { form: 'live', kind: 'manifest' },
  blocking_reload: { form: 'low', kind: 'manifest', hls: true },
  preload_hint: { form: 'low', kind: 'partial', hls: true },
}

/** Faults that need something else than their scope tells. */
const BY_TYPE = {
  media_sequence_back: { form: 'live', kind: 'manifest', hls: true },
  vanished_part: { form: 'low', kind: 'manifest', hls: true },
  wrong_skipped_segments: { form: 'low', kind: 'manifest', hls: true },
}

/** How many rows one strike makes where that is not one. */
const ROWS = {
  // An exemption strikes nobody.
  none: (count) => count === 0,
  // Whoever follows the redirect is in the loop until it gives up.
  redirect_loop: (count) => count > 1,
}

/** What rules say beyond the type, where the fault takes it: as short as makes a difference. */
const PARAMS = { hold_ms: 1_000, rate_mbps: 2 }

/** Why a player may do something else than play on by itself: where its own documentation or source says so. */
const DOCUMENTED = {
  'hls.js': {
    'recoverMediaError()': 'when the media element fails, this detaches it and attaches it again',
    preload_hint_missing: 'it reads EXT-X-PRELOAD-HINT and never asks for what it names',
  },
  shaka: {
    'load()': 'after an error of Severity.CRITICAL a new manifest must be loaded',
  },
  'dash.js': {},
}

/** Every case: a fault and who meets it where. */
export function cases(info, wanted, victims) {
  return info.faults
    .filter(({ type }) => wanted(type))
    .flatMap((fault) => {
      const place = BY_TYPE[fault.type] ?? BY_SCOPE[fault.scope]
      const able = victims.filter(({ stream }) => !place.hls || stream === 'HLS')
      return able.map((victim) => ({ fault, place, ...victim }))
    })
}

/** Plays, strikes once, and watches what becomes of it; one row. */
export async function strike({ rig, browser }, { fault, place, player, stream, paths }) {
  const id = randomUUID()
  const documented = DOCUMENTED[player]
  const what = {
    fault: fault.type,
    player,
    stream: place.form === 'low' ? `${stream} low latency` : stream,
    hit: place.kind,
  }
  try {
    return await browser.play(player, rig.start(paths[place.form], id), async (seen) => {
      const before = await seen()
      await rig.arm(id, rule(fault, place))
      const hit = await until(HIT_WITHIN_MS, async () => (await counters(rig, id)).fired > 0)
      if (!hit) {
        const why = documented[fault.type]
        return { ...what, verdict: why ? asDocumented(why) : failed(`no ${place.kind} in ${HIT_WITHIN_MS / 1_000} s`) }
      }
      const past = ({ date, running }) => date > hit + PAST_MS && running > RUNS_MS
      const on = await until(PLAYS_ON_WITHIN_MS, async () => past(await seen()))
      const after = await seen()
      const told = after.errors.slice(before.errors.length)
      const wire = judge(fault, rig.exchangesOf(id), await counters(rig, id))
      const stuck = on ? [] : [`does not play on after ${counted(told.map(({ code }) => code)) || 'no error'}`]
      const unknown = after.helps.filter((help) => !documented[help])
      const wrong = [...wire.wrong, ...stuck, ...unknown]
      const helped =
        after.helps.length > 0 ? asDocumented(`${counted(after.helps)}: ${documented[after.helps[0]]}`) : KEPT
      return {
        ...what,
        verdict: wrong.length > 0 ? failed(wrong.join('; ')) : helped,
        'the row says': wire.says,
        'asked again': wire.again,
        'past it after s': on ? ((on - hit) / 1_000).toFixed(1) : '',
        'stalled ms': after.stalls.reduce((sum, ms) => sum + ms, 0),
        'jumps s': after.jumps.map((jump) => jump.toFixed(1)).join(', '),
        'the player says': counted(told.map(({ code, fatal }) => (fatal ? `**${code}**` : code))),
      }
    })
  } catch (error) {
    return { ...what, verdict: failed(error.message.split('\n')[0]) }
  }
}

function rule({ type, params }, { kind }) {
  const told = Object.entries(PARAMS).filter(([name]) => params.includes(name))
  const cadence = { mode: 'requests', consecutive: 1, frequency: 0 }
  return { id: RULE, type, ...cadence, filter: { request_kind: [kind] }, ...Object.fromEntries(told) }
}

const counters = async (rig, id) => (await rig.player(id)).rule_counters[RULE]

/** When it became true, or undefined when it did not in time. */
async function until(ms, holds) {
  for (const end = Date.now() + ms; Date.now() < end; await pause(LOOK_MS)) if (await holds()) return Date.now()
}

/** Whether the rig struck one request and did nothing else to the player. */
function judge({ type }, exchanges, { fired, exhausted }) {
  const ours = ({ fault }) => fault?.rule_id === RULE
  const struck = exchanges.filter(ours)
  const others = exchanges.filter((exchange) => exchange.cause && exchange.cause !== 'client' && !ours(exchange))
  const rows = ROWS[type] ?? ((count) => count === 1)
  const wrong = [
    (fired !== 1 || !exhausted || !rows(struck.length)) && `fired ${fired} times, ${struck.length} rows`,
    others.length > 0 && counted(others.map(({ cause, fault }) => `${cause} ${fault?.type ?? ''}`)),
  ].filter(Boolean)
  const [first] = struck
  const again = exchanges.filter(
    ({ started_at, request }) => request.url === first?.request.url && started_at > first.started_at,
  )
  return {
    wrong,
    again: again.filter((exchange) => !ours(exchange)).length,
    says: counted(struck.map(({ answer, cause, fault }) => `${answer.status} ${cause} ${fault.action}`)),
  }
}

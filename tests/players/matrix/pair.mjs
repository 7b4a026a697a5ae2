// One packaging, one server, one player: past the rig, through it with nothing armed, and through it with a rule, all at
// the same time; then the rig's rows of both plays, and what the origin's log has beyond them.

import { setTimeout as pause } from 'node:timers/promises'
import { KEPT, failed } from '../table.mjs'
import { COLUMNS, checkRows, checkRule, compareContent, findFailure, findUnseen, hasAllRows } from './judge.mjs'

/** Beyond the media itself: start-up, and a machine with much to do. */
const PATIENCE_MS = 30_000
/** How much longer than the other two the play with the rule may take; it is not judged itself. */
const RULE_GRACE_MS = 4_000
const ROWS_WITHIN_MS = 8_000
const LOOK_MS = 200

/** Plays a pair and judges it; one row. */
export async function playPair({ testbed, liveSeconds }, { packaging, server, player }) {
  const pair = { packaging: packaging.name, server, player: player.name }
  const missing = player.findMissing(testbed.chromium) ?? testbed.findMissing(server)
  if (missing) return { ...pair, verdict: failed(missing) }
  const stream = await testbed.publish(packaging)
  try {
    const plays = await runPlays({ testbed, liveSeconds, server, packaging, player, files: stream.files })
    return { ...pair, ...(await judge({ testbed, liveSeconds, server, packaging, ...plays })) }
  } catch (error) {
    return { ...pair, verdict: failed(error.message.split('\n')[0]) }
  } finally {
    await stream.stop()
  }
}

async function runPlays({ testbed, liveSeconds, server, packaging, player, files }) {
  const seconds = packaging.live ? liveSeconds : packaging.seconds
  const { folder, browser } = testbed
  const begin = (url, signal) => player.play(url, { live: packaging.live, seconds, signal, folder, browser })
  const folders = []
  for (let play = 0; play < 3; play++) folders.push(await testbed.link(files))
  const clear = await testbed.preparePlayer(server, folders[1], packaging, player, false)
  const armed = await testbed.preparePlayer(server, folders[2], packaging, player, true)

  const limit = AbortSignal.timeout(seconds * 1_000 + PATIENCE_MS)
  const grace = new AbortController()
  const withRule = begin(armed.url, AbortSignal.any([limit, grace.signal]))
  const both = [begin(testbed.directUrl(server, folders[0], packaging), limit), begin(clear.url, limit)]
  const [direct, through] = await Promise.all(both)
  const timer = setTimeout(() => grace.abort(), RULE_GRACE_MS)
  await withRule
  clearTimeout(timer)
  return {
    direct,
    through,
    clear: { id: clear.id, folder: folders[1] },
    armed: { id: armed.id, folder: folders[2] },
  }
}

async function judge({ testbed, liveSeconds, server, packaging, direct, through, clear, armed }) {
  const seen = await waitForRows(testbed, server, clear)
  const seenArmed = await waitForRows(testbed, server, armed)
  const cannot = findFailure(packaging, liveSeconds, direct)
  const fails = findFailure(packaging, liveSeconds, through) ?? compareContent(packaging, direct, through)
  const misread = checkRows(packaging, clear.folder, seen.rows) ?? checkRows(packaging, armed.folder, seenArmed.rows)
  const rule = checkRule(packaging, armed.folder, seenArmed.rows)
  const unseen = [seen.unseen, seenArmed.unseen]
  const wrong = [
    !cannot && fails && `through the rig: ${fails}`,
    misread && `rows: ${misread}`,
    !cannot && rule.wrong && `rule: ${rule.wrong}`,
    ...unseen.map(({ count, says }) => count > 0 && `unseen: ${says}`),
  ].filter(Boolean)
  const verdict = [...wrong, cannot && `fails direct: ${cannot}`].filter(Boolean).join('; ')
  return {
    direct: cannot ? 'fails' : formatSeconds(direct),
    rig: fails ? 'fails' : formatSeconds(through),
    rows: `${seen.rows.length + seenArmed.rows.length}${misread ? ' wrong' : ''}`,
    rule: rule.says + (rule.wrong ? ' wrong' : ''),
    unseen: unseen[0].count + unseen[1].count,
    verdict: wrong.length > 0 ? failed(verdict) : verdict || KEPT,
  }
}

const formatSeconds = ({ seconds }) => `${seconds.toFixed(1)} s`

/** The rows of a play, when there is one for whatever the origin was asked, or after a while those that there are. */
async function waitForRows(testbed, server, { id, folder }) {
  for (const end = Date.now() + ROWS_WITHIN_MS; ; await pause(LOOK_MS)) {
    const rows = await testbed.rig.rows(id, COLUMNS)
    const unseen = findUnseen(folder, await testbed.servers.get(server).requests(), rows)
    const { rule_counters: counters } = await testbed.rig.player(id)
    if ((unseen.count === 0 && hasAllRows(rows, counters)) || Date.now() > end) return { rows, unseen }
  }
}

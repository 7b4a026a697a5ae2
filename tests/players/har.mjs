// A session as HAR: Chrome's own importer must take it, and its numbers must add up and agree with the feed.
//
// The importer is the one of the developer tools inside the browser; it throws at what it does not understand.

import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { VICTIMS } from './faults.mjs'
import { KEPT, counted, failed } from './table.mjs'

const PLAYS_MS = 15_000
/** How long the last acknowledgements may take. */
const SETTLES_MS = 2_000
const SAME_MS = 1
const IMPORTER = 'devtools://devtools/bundled/models/har/har.js'
/** What the session meets on the way, so that answers of every sort are in it. */
const RULES = ['404', 'request_connect_reset', 'request_body_reset', 'truncated', 'latency']

export const SESSIONS = VICTIMS

/** Plays for a while, asks for the session and reads it; one row. */
export async function har({ rig, browser }, { player, stream, paths }) {
  const id = randomUUID()
  const cadence = { mode: 'requests', consecutive: 1, frequency: 0, filter: { request_kind: ['segment'] } }
  try {
    await browser.play(player, rig.start(paths.live, id), async () => {
      for (const type of RULES) await rig.arm(id, { id: type, type, ...cadence })
      await pause(PLAYS_MS)
    })
    await pause(SETTLES_MS)
    const archive = await rig.get(`/api/v2/players/${id}/network.har`)
    const imported = await browser.developerTools((page) => page.evaluate(importIt, [IMPORTER, archive]))
    const wrong = [...compare(archive.log, rig.exchangesOf(id)), ...compareImported(archive.log.entries, imported)]
    return {
      player,
      stream,
      verdict: wrong.length > 0 ? failed(counted(wrong)) : KEPT,
      entries: archive.log.entries.length,
      'imported by Chrome': imported.length,
      statuses: counted(archive.log.entries.map(({ response }) => response.status).sort()),
      'body bytes': archive.log.entries.reduce((sum, { response }) => sum + Math.max(0, response.bodySize), 0),
    }
  } catch (error) {
    return { player, stream, verdict: failed(error.message.split('\n')[0]) }
  }
}

/** Runs inside the developer tools. */
async function importIt([importer, archive]) {
  const { HARFormat, Importer } = await import(importer)
  const requests = Importer.Importer.requestsFromHARLog(new HARFormat.HARRoot(archive).log)
  return requests.map((request) => ({
    url: request.url(),
    status: request.statusCode,
    ms: request.duration * 1_000,
    size: request.resourceSize,
    transferred: request.transferSize,
  }))
}

/** The archive in itself, and against what the feed says. */
function compare({ version, pages, entries }, exchanges) {
  const wrong = version === '1.2' ? [] : [`version ${version}`]
  const ids = new Set(pages?.map(({ id }) => id))
  const rest = new Map(exchanges.map((exchange) => [`${exchange.started_at} ${exchange.request.url}`, exchange]))
  for (const { startedDateTime, time, request, response, timings, pageref } of entries) {
    const { pathname, search } = new URL(request.url)
    const key = `${startedDateTime} ${pathname}${search}`
    const exchange = rest.get(key)
    rest.delete(key)
    const sum = Object.values(timings)
      .filter((ms) => ms !== -1)
      .reduce((sum, ms) => sum + ms, 0)
    if (!near(sum, time)) wrong.push('time is not the sum of the timings')
    if (pageref && !ids.has(pageref)) wrong.push('a page that does not exist')
    if (!exchange) wrong.push('an entry that the feed does not have')
    else wrong.push(...disagree({ time, response, timings }, exchange))
  }
  if (rest.size > 0) wrong.push(`${rest.size} exchanges are missing`)
  return wrong
}

function disagree({ time, response, timings }, { answer, timing }) {
  const sent = answer.status === 0 ? -1 : answer.body_bytes
  return [
    response.status !== answer.status && 'status',
    response.bodySize !== sent && `bodySize ${response.bodySize} for ${sent}`,
    !near(time, timing.total_ms) && `time ${time} for ${timing.total_ms}`,
    // What was never answered was waited for to its end.
    answer.status !== 0 &&
      !near(timings.wait, timing.client_wait_ms) &&
      `wait ${timings.wait} for ${timing.client_wait_ms}`,
  ].filter(Boolean)
}

function compareImported(entries, imported) {
  if (entries.length !== imported.length) return ['Chrome leaves entries out']
  return imported.flatMap(({ url, status, ms, size, transferred }, place) => {
    const { request, response, time } = entries[place]
    return [
      url !== request.url && 'Chrome reads another URL',
      status !== response.status && 'Chrome reads another status',
      !near(ms, time) && `Chrome shows another time`,
      size !== Math.max(0, response.content.size) && `Chrome shows another size`,
      transferred !== Math.max(0, response.bodySize) && `Chrome shows another number of bytes transferred`,
    ].filter(Boolean)
  })
}

const near = (one, other) => Math.abs(one - other) <= SAME_MS

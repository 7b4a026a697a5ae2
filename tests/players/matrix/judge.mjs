// What a pair is held to, from what was seen: the two plays, the rig's rows, and the origin's own log. Pure.

import { counted } from '../table.mjs'
import { classify } from './packagings/index.mjs'

const RULE = 'every-fifth'
const EVERY = 5
/** How much of a stream on demand may be missing at its end, and how much of it may be played more than once. */
const SHORT_S = 1.5
const TWICE = 0.25

/** A 404 for one of five segments of the top rung, beginning with the first. */
export const FAULT_RULE = {
  id: RULE,
  type: '404',
  mode: 'requests',
  consecutive: 1,
  frequency: EVERY,
  filter: { request_kind: ['segment'], variant: { rung_positions: ['top'] } },
}

/** The columns that are judged. */
export const COLUMNS = [
  'started_at',
  'connection',
  'earlier_exchanges',
  'method',
  'path',
  'request_range',
  'request_kind',
  'variant_rung',
  'status',
  'rule_id',
  'cause',
]

/** Why a play is none, or undefined; `asked` is how much of a live stream was to be played. */
export function findFailure({ live, seconds: whole }, asked, { failure, seconds }) {
  if (failure) return failure
  const [least, most] = live ? [asked, Infinity] : [whole - SHORT_S, whole * (1 + TWICE)]
  const isRight = seconds >= least && seconds <= most
  return isRight ? undefined : `plays ${seconds.toFixed(1)} s of ${live ? asked : whole}`
}

/** What the play through the rig did otherwise than the one past it, or undefined. */
export function compareContent({ live }, direct, through) {
  return live || direct.content === through.content ? undefined : `${through.content} instead of ${direct.content}`
}

/** Rows whose kind or rung is not that of the packaging, as text; none is undefined. */
export function checkRows(packaging, folder, rows) {
  const wrong = rows.flatMap((row) => {
    const truth = truthIn(packaging, folder, row)
    if (!truth) return [`${row.method} ${row.path}, which is no file of the packaging`]
    const { request_kind: kind, variant_rung: rung } = row
    if (kind !== truth.kind) return [`${kind} for ${truth.kind}`]
    return rung === truth.rung ? [] : [`${kind} of rung ${rung ?? 'none'} for ${truth.rung ?? 'none'}`]
  })
  return wrong.length > 0 ? counted(wrong.sort()) : undefined
}

function truthIn(packaging, folder, { path, request_range }) {
  return path.startsWith(folder) ? classify(packaging, path.slice(folder.length), request_range) : undefined
}

/** Whether the rule fired at every fifth request that it is meant for, and at nothing else. */
export function checkRule(packaging, folder, rows) {
  const top = packaging.rungs - 1
  const ordered = rows.toSorted(byArrival)
  const meant = ordered.filter((row) => {
    const { kind, rung } = truthIn(packaging, folder, row) ?? {}
    return row.method === 'GET' && kind === 'segment' && rung === top
  })
  const due = new Set(meant.filter((_, place) => place % EVERY === 0))
  const fired = ordered.filter(({ rule_id }) => rule_id !== '')
  const missed = [...due].filter((row) => !fired.includes(row)).length
  const stray = fired.filter((row) => !due.has(row)).length
  const other = fired.filter(({ status, cause, rule_id }) => status !== 404 || cause !== 'injected' || rule_id !== RULE)
  const wrong = [
    meant.length === 0 && 'no request for the top rung',
    missed > 0 && `did not fire at ${missed} of ${due.size}`,
    stray > 0 && `fired at ${stray} others`,
    other.length > 0 && `${other.length} rows of another fault`,
  ].filter(Boolean)
  return { says: `${fired.length} of ${meant.length}`, wrong: wrong.length > 0 ? wrong.join(', ') : undefined }
}

/** Rows have milliseconds; what came in the same one stands as its connection had it. */
function byArrival(one, other) {
  return (
    one.started_at.localeCompare(other.started_at) ||
    one.connection - other.connection ||
    one.earlier_exchanges - other.earlier_exchanges
  )
}

/** Requests below a folder that the origin answered and no row tells of, by method and path: `{ says, count }`. */
export function findUnseen(folder, log, rows) {
  const left = new Map()
  const key = ({ method, path }) => `${method} ${path.slice(folder.length)}`
  for (const row of rows) left.set(key(row), (left.get(key(row)) ?? 0) + 1)
  const unseen = []
  for (const request of log.filter(({ path }) => path.startsWith(folder))) {
    const count = left.get(key(request)) ?? 0
    if (count > 0) left.set(key(request), count - 1)
    else unseen.push(key(request))
  }
  return { count: unseen.length, says: counted(unseen) }
}

/** Whether the rule's own counter and its rows agree: then all of them have come. */
export function hasAllRows(rows, counters) {
  return rows.filter(({ rule_id }) => rule_id === RULE).length === (counters?.[RULE]?.fired ?? 0)
}

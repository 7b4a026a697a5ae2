// One request as the waterfall shows it, made from a row of the archive, or of the feed.
//
// Invariant: phases follow each other without overlap from the request's head to the last byte; what was not measured
// has no length. Deliberately absent: a judgement. Cause and labels are the rig's.

import type { NetworkRow, Presentation, PresentationRole, RequestKind } from '@/api/schema'

export type Cause = 'injected' | 'origin' | 'client' | 'rig'

export interface Phase {
  name: 'origin' | 'held' | 'transfer'
  ms: number
}

export interface Request {
  id: string
  start: number
  end: number
  totalMs: number
  phases: Phase[]
  method: string
  url: string
  path: string
  /** A kind of the API; one that is newer than this page is shown by its name. */
  kind: string
  /** How the kind is known; empty where nobody says. */
  known: '' | 'declared' | 'guessed'
  presentation: Presentation | null
  status: number
  bytes: number
  mbps: number | null
  rung: string
  cause: Cause | null
  ruleId: string
  faultType: string
  faultAction: string
  /** Remarks of the API; one that is newer than this page is shown by its name. */
  remarks: readonly string[]
  /** Why it is a playlist that was not read; empty where it is none, or was read. */
  unread: string
  labels: readonly string[]
  row: NetworkRow
}

const CAUSES: readonly Cause[] = ['injected', 'origin', 'client', 'rig']
const KNOWN = ['declared', 'guessed'] as const
const ROLES: readonly PresentationRole[] = ['primary', 'interstitial', 'other']
const MEDIA: readonly string[] = [
  'segment',
  'partial',
  'init',
  'audio_segment',
  'subtitle_segment',
] satisfies RequestKind[]

export function requestOf(row: NetworkRow): Request {
  const totalMs = row.total_ms ?? (row.client_wait_ms ?? 0) + (row.transfer_ms ?? 0)
  const end = Date.parse(row.ts)
  const start = row.started_at === undefined ? end - totalMs : Date.parse(row.started_at)
  return {
    id: row.id,
    start,
    end: start + totalMs,
    totalMs,
    phases: phasesOf(row, totalMs),
    method: row.method ?? '',
    url: row.url ?? '',
    path: row.path ?? '',
    kind: row.request_kind ?? '',
    known: KNOWN.find((known) => known === row.request_known) ?? '',
    presentation: presentationOf(row),
    status: row.status ?? 0,
    bytes: Number(row.bytes_out ?? 0),
    mbps: row.delivered_mbps ?? null,
    rung: rungOf(row),
    cause: CAUSES.find((cause) => cause === row.cause) ?? null,
    ruleId: row.rule_id ?? '',
    faultType: row.fault_type ?? '',
    faultAction: row.fault_action ?? '',
    remarks: row.remarks ?? [],
    unread: row.playlist_unread ?? '',
    labels: row.labels ?? [],
    row,
  }
}

/** Waiting for the origin, being held by the rig, and the way of the bytes to the player. */
function phasesOf(row: NetworkRow, totalMs: number): Phase[] {
  const wait = Math.min(row.client_wait_ms ?? row.ttfb_ms ?? 0, totalMs)
  const origin = Math.min(row.ttfb_ms ?? 0, wait)
  const phases: Phase[] = [
    { name: 'origin', ms: origin },
    { name: 'held', ms: wait - origin },
    { name: 'transfer', ms: totalMs - wait },
  ]
  return phases.filter((phase) => phase.ms > 0)
}

function presentationOf(row: NetworkRow): Presentation | null {
  const path = row.presentation ?? ''
  const role = ROLES.find((known) => known === row.presentation_role)
  return path === '' || role === undefined ? null : { path, role }
}

/** What the rig does not see of a request, each a sentence; none where it sees everything. */
export function unseenIn({ kind, known, remarks, unread }: Request): string[] {
  const why = []
  if (unread !== '' || remarks.includes('playlist_unread')) {
    why.push(`This playlist was not read${unread === '' ? '' : `: ${unread}`}.`)
  }
  if (remarks.includes('origin_left')) why.push('It leads the player past the rig, to an origin that it may not reach.')
  if (known === 'guessed' && MEDIA.includes(kind))
    why.push('No playlist declared it: its kind is guessed, its rung is not known.')
  return why
}

function rungOf(row: NetworkRow): string {
  const height = row.variant_resolution?.split('x')[1]
  const bandwidth = row.variant_bandwidth
  const rate = bandwidth === null || bandwidth === undefined ? '' : (Number(bandwidth) / 1e6).toFixed(1)
  return [height === undefined ? '' : `${height}p`, rate].filter((part) => part !== '').join(' ')
}

const KIND_NAMES: Record<RequestKind, string> = {
  master_manifest: 'master',
  manifest: 'playlist',
  segment: 'segment',
  partial: 'partial',
  init: 'init',
  audio_manifest: 'audio list',
  audio_segment: 'audio',
  subtitle_manifest: 'subs list',
  subtitle_segment: 'subtitle',
  key: 'key',
  preflight: 'preflight',
  other: 'other',
}

export function kindName(kind: string): string {
  return kind in KIND_NAMES ? KIND_NAMES[kind as RequestKind] : kind
}

/** The last parts of a path, which tell requests apart; the whole is a click away. */
export function shortPath(url: string): string {
  const path = url.split('?')[0] ?? url
  const parts = path.split('/').filter((part) => part !== '')
  return parts.slice(-2).join('/')
}

// One request as the waterfall shows it, made from a row of the archive.
//
// Invariant: phases follow each other without overlap from the request's head to the last byte; what was not measured
// has no length. Deliberately absent: a judgement. Cause and labels are the rig's.

import type { NetworkRow, RequestKind } from '@/api/schema'

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
  status: number
  bytes: number
  mbps: number | null
  rung: string
  cause: Cause | null
  ruleId: string
  faultType: string
  faultAction: string
  labels: readonly string[]
  row: NetworkRow
}

const CAUSES: readonly Cause[] = ['injected', 'origin', 'client', 'rig']

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
    status: row.status ?? 0,
    bytes: Number(row.bytes_out ?? 0),
    mbps: row.delivered_mbps ?? null,
    rung: rungOf(row),
    cause: CAUSES.find((cause) => cause === row.cause) ?? null,
    ruleId: row.rule_id ?? '',
    faultType: row.fault_type ?? '',
    faultAction: row.fault_action ?? '',
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

// Every call to the rig that this dashboard makes, by name.

import { call, type Reply } from './http'
import type { MergePatch } from './mergePatch'
import type {
  Info,
  LabelView,
  PlayerCreate,
  PlayerMetrics,
  PlayerRecord,
  PresetView,
  Rule,
  ShapeControl,
  TraceDetail,
  TraceFormat,
  TraceView,
} from './schema'

const API = '/api/v2'

const player = (id: string) => `${API}/players/${encodeURIComponent(id)}`
const trace = (name: string) => `${API}/traces/${encodeURIComponent(name)}`
const rule = (id: string, ruleId: string) => `${player(id)}/fault_rules/${encodeURIComponent(ruleId)}`

export const streams = {
  events: `${API}/events`,
  timeseries: `${API}/timeseries`,
  feed: `${API}/feed`,
}

export async function readInfo(): Promise<Info> {
  return (await call<Info>(`${API}/info`)).body
}

export async function listPlayers(): Promise<PlayerRecord[]> {
  return (await call<{ items: PlayerRecord[] }>(`${API}/players`)).body.items
}

export async function readPlayer(id: string): Promise<PlayerRecord> {
  return (await call<PlayerRecord>(player(id))).body
}

export async function createPlayer(body: PlayerCreate): Promise<PlayerRecord> {
  return (await call<PlayerRecord>(`${API}/players`, { method: 'POST', body })).body
}

/** Edits labels, rules or shape; `null` removes. */
export async function patchPlayer(
  id: string,
  revision: string,
  patch: { shape?: MergePatch<ShapeControl>; labels?: Record<string, string | null> },
): Promise<PlayerRecord> {
  return (await call<PlayerRecord>(player(id), { method: 'PATCH', body: patch, ifMatch: revision })).body
}

export async function addRule(id: string, revision: string, body: Rule): Promise<Reply<Rule>> {
  return call<Rule>(`${player(id)}/fault_rules`, { method: 'POST', body, ifMatch: revision })
}

export async function removeRule(id: string, revision: string, ruleId: string): Promise<Reply<undefined>> {
  return call<undefined>(rule(id, ruleId), { method: 'DELETE', ifMatch: revision })
}

export async function postMetrics(
  id: string,
  play: { playId: string; attemptId: number },
  metrics: PlayerMetrics,
  keepalive = false,
): Promise<void> {
  const query = new URLSearchParams({ play_id: play.playId, attempt_id: String(play.attemptId) })
  await call<undefined>(`${player(id)}/metrics?${query}`, { method: 'POST', body: metrics, keepalive })
}

export async function listLabels(): Promise<LabelView[]> {
  return (await call<{ items: LabelView[] }>(`${API}/labels`)).body.items
}

export async function listPresets(): Promise<PresetView[]> {
  return (await call<{ items: PresetView[] }>(`${API}/link-presets`)).body.items
}

export async function listTraces(): Promise<TraceView[]> {
  return (await call<{ items: TraceView[] }>(`${API}/traces`)).body.items
}

export async function readTrace(name: string): Promise<TraceDetail> {
  return (await call<TraceDetail>(trace(name))).body
}

/** Keeps a file as a trace; without a format, the rig finds out how it is written. */
export async function putTrace(name: string, file: Blob, format?: TraceFormat): Promise<TraceView> {
  const query = format === undefined ? '' : `?format=${format}`
  return (await call<TraceView>(`${trace(name)}${query}`, { method: 'PUT', file, timeoutMs: 60_000 })).body
}

export async function removeTrace(name: string): Promise<void> {
  await call<undefined>(trace(name), { method: 'DELETE' })
}

// Every call to the rig that this dashboard makes, by name.

import { call, type Reply } from './http'
import type { Info, LabelView, PlayerCreate, PlayerMetrics, PlayerRecord, Rule } from './schema'

const API = '/api/v2'

const player = (id: string) => `${API}/players/${encodeURIComponent(id)}`
const rule = (id: string, ruleId: string) => `${player(id)}/fault_rules/${encodeURIComponent(ruleId)}`

export const streams = {
  events: `${API}/events`,
  timeseries: `${API}/timeseries`,
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
  patch: { shape?: { rate_mbps: number | null }; labels?: Record<string, string | null> },
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

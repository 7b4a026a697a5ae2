// The records of the rig's feed as rows, as the archive would have them.
//
// Invariant: a record and its row have one id, so that nothing is shown twice where both tell it. Deliberately absent: labels,
// which the archive's side works out, and columns that no page reads.

import type { ControlRow, EventRow, Exchange, FeedRecord, NetworkRow, Sample } from '@/api/schema'

export type Row =
  { stream: 'event'; row: EventRow } | { stream: 'network'; row: NetworkRow } | { stream: 'control'; row: ControlRow }

/** Whose a record is; nothing where it concerns everybody. */
export function playerOf({ body }: FeedRecord): string | undefined {
  if ('exchange' in body) return body.exchange.who.player_id
  if ('sample' in body) return body.sample.who.player_id
  return 'action' in body ? body.action.who.player_id : undefined
}

export function rowOf(record: FeedRecord): Row {
  const { body, position: id, ts } = record
  const base = { id, ts }
  if ('exchange' in body) return { stream: 'network', row: { ...base, ...ofExchange(body.exchange) } }
  if ('sample' in body) return { stream: 'event', row: { ...base, ...ofSample(body.sample) } }
  if ('action' in body) {
    const { who, source, kind } = body.action
    const control = { actor: source, event: kind.event, info: JSON.stringify(kind.info) }
    return { stream: 'control', row: { ...base, ...ofWho(who), ...control } }
  }
  return { stream: 'control', row: { ...base, actor: 'proxy', event: 'feed_gap', info: JSON.stringify(body.gap) } }
}

type Facts<T> = Omit<T, 'id' | 'ts'>

function ofWho(who: Exchange['who']) {
  return {
    player_id: who.player_id,
    player_name: who.player_name ?? '',
    session_id: who.session_id ?? '',
    play_id: who.play_id ?? '',
    attempt_id: who.attempt_id ?? 0,
  }
}

function ofExchange(exchange: Exchange): Facts<NetworkRow> {
  const { who, started_at, request, origin, answer, remarks, timing, cause, fault, link } = exchange
  const { variant, presentation } = request
  return {
    ...ofWho(who),
    started_at,
    method: request.method,
    http_version: request.http_version,
    url: request.url,
    path: request.url.split('?')[0] ?? '',
    request_kind: request.kind,
    request_known: request.known ?? '',
    variant_rung: variant?.rung ?? null,
    variant_bandwidth: variant === undefined || variant === null ? null : String(variant.bandwidth),
    variant_resolution: variant?.resolution ?? '',
    presentation: presentation?.path ?? '',
    presentation_role: presentation?.role ?? '',
    origin: origin?.name ?? '',
    upstream_url: origin?.url ?? '',
    origin_status: origin?.status ?? null,
    ttfb_ms: origin?.ttfb_ms ?? null,
    status: answer.status,
    content_type: answer.content_type,
    bytes_out: String(answer.body_bytes),
    complete: answer.complete,
    remarks: remarks ?? [],
    playlist_unread: answer.playlist_unread ?? '',
    client_wait_ms: timing.client_wait_ms,
    transfer_ms: timing.transfer_ms,
    total_ms: timing.total_ms,
    delivered_mbps: timing.delivered_mbps ?? null,
    cause: cause ?? '',
    rule_id: fault?.rule_id ?? '',
    fault_type: fault?.type ?? '',
    fault_action: fault?.action ?? '',
    client_rtt_ms: link.tcp_end?.rtt_ms ?? null,
  }
}

function ofSample({ who, player, rig }: Sample): Facts<EventRow> {
  const { link } = rig
  const whole = (number: number | null | undefined) => (typeof number === 'number' ? String(number) : null)
  return {
    ...ofWho(who),
    last_event: player.last_event ?? '',
    network_bitrate_mbps: player.network_bitrate_mbps ?? null,
    buffer_depth_s: player.buffer_depth_s ?? null,
    video_bitrate_mbps: player.video_bitrate_mbps ?? null,
    last_stall_time_s: player.last_stall_time_s ?? null,
    effective_rate_limit_mbps: rig.effective_rate_limit_mbps ?? 0,
    delivered_mbps: rig.delivered_mbps ?? null,
    client_rtt_ms: link?.rtt_ms ?? rig.client_rtt_ms ?? null,
    client_rtt_min_ms: link?.rtt_min_ms ?? null,
    client_rtt_stale: link?.rtt_stale ?? false,
    client_path_ping_rtt_ms: link?.path_ping_rtt_ms ?? null,
    wire_down_mbps: link?.wire_down_mbps?.mean ?? null,
    shaper_backlog_bytes: link?.shaper_backlog_bytes?.mean ?? null,
    shaper_backlog_max_bytes: link?.shaper_backlog_bytes?.max ?? null,
    shaper_drops: whole(link?.shaper_drops),
    client_retransmits: whole(link?.retransmits),
  }
}

// Everything one player's page shows over time: samples, requests, marks, kept current by the archive's time series, and
// the seconds of its link, told by the rig itself.
//
// Without an archive the in-page player and the rig's own stream fill what they can (`local...`), and the page says what
// is missing. Invariant: one source at a time, so that nothing is drawn twice.

import { computed, onScopeDispose, shallowRef, watch, type Ref } from 'vue'

import { streams } from '@/api/rig'
import type { ControlRow, EventRow, NetworkRow } from '@/api/schema'
import { follow, type StreamState } from '@/api/stream'
import { type Mark, MarkStore } from '@/charts/marks'
import { SampleStore } from '@/charts/samples'
import { requestOf } from '@/features/waterfall/request'
import { RequestStore } from '@/features/waterfall/requests'

import { markOf, strikeOf } from './actions'
import { rigClock } from './clock'
import { LinkSeries } from './linkSeries'
import { onPlayerLink } from './rigEvents'

const COLUMNS = ['estimate', 'buffer', 'bitrate'] as const
export type PlayerColumn = (typeof COLUMNS)[number]
export type LocalSample = Record<PlayerColumn, number | null>

const HISTORY_MS = 10 * 60_000

export class SessionFeed {
  /** What the player says of itself. */
  readonly samples = new SampleStore(COLUMNS)
  readonly link = new LinkSeries()
  readonly marks = new MarkStore()
  readonly requests = new RequestStore()
  private stall: { id: string; at: number } | undefined
  private strike: { id: string; at: number } | undefined

  control(row: ControlRow): void {
    const mark = markOf(row, this.link.rateOfPreset)
    if (mark) this.marks.push(mark)
    this.noteStrike(row)
    this.link.control(row)
  }

  private noteStrike(row: ControlRow): void {
    const strike = strikeOf(row)
    if (!strike) return
    const at = Date.parse(row.ts)
    const start = (strike.end ? this.strike : undefined) ?? { id: `struck-${row.id}`, at }
    this.marks.push({ ...start, kind: 'struck', until: at, text: strike.text })
    this.strike = strike.end ? undefined : start
  }

  network(row: NetworkRow): void {
    const request = requestOf(row)
    this.requests.push(request)
    if (request.cause === 'injected') {
      const text = `${request.ruleId || 'A rule'} fired: ${request.faultType} on ${request.kind.replaceAll('_', ' ')}`
      this.marks.push({ id: `fired-${request.id}`, kind: 'fired', at: request.start, text })
    }
  }

  event(row: EventRow): void {
    const at = Date.parse(row.ts)
    this.link.row(at, row)
    this.samples.push(at, {
      estimate: row.network_bitrate_mbps ?? undefined,
      buffer: row.buffer_depth_s ?? undefined,
      bitrate: row.video_bitrate_mbps ?? undefined,
    })
    this.noteStall(row.last_event, at, row.last_stall_time_s ?? undefined)
  }

  /** A report of the in-page player, for when there is no archive to bring it back. */
  localSample(at: number, sample: LocalSample): void {
    this.samples.push(at, sample)
  }

  noteStall(event: string | undefined, at: number, lastedS: number | undefined): void {
    if (event === 'stall_start') {
      this.stall = { id: `stall-${at}`, at }
      this.marks.push({ ...this.stall, kind: 'stall', until: at, text: 'Playback stalled' })
    } else if (event === 'stall_end') {
      const lasted = lastedS === undefined ? '' : ` for ${lastedS.toFixed(2)} s`
      const start = this.stall ?? { id: `stall-${at}`, at: at - (lastedS ?? 0) * 1_000 }
      this.marks.push({ ...start, kind: 'stall', until: at, text: `Playback stalled${lasted}` })
      this.stall = undefined
    }
  }

  mark(mark: Mark): void {
    this.marks.push(mark)
  }

  /** Forgets what was shown, to be told again. Nobody tells the seconds of the link again. */
  clear(): void {
    for (const store of [this.samples, this.marks, this.requests]) store.clear()
    this.stall = this.strike = undefined
  }

  /** Begins anew, for another player. */
  reset(): void {
    this.clear()
    this.link.reset()
  }
}

export type FeedState = StreamState | { kind: 'backfill' }

/**
 * Follows a player's time series for as long as the calling component lives. A page may know a player by another name than
 * `canonical`, the one in the rig's own frames.
 */
export function useSessionFeed(playerId: Ref<string>, canonical: Ref<string | undefined>) {
  const feed = new SessionFeed()
  const state = shallowRef<FeedState>({ kind: 'connecting' })
  let stop = () => {}
  let backfilled = false

  function frame(name: string, data: unknown): void {
    if (data === undefined || data === null) return
    if (name === 'event') feed.event(data as EventRow)
    else if (name === 'network') feed.network(data as NetworkRow)
    else if (name === 'control') feed.control(data as ControlRow)
    else if (name === 'backfill_complete') {
      backfilled = true
      state.value = { kind: 'open' }
    }
    const ts = (data as { ts?: string }).ts
    if (backfilled && ts !== undefined) rigClock.observe(Date.parse(ts))
  }

  function start(): void {
    stop()
    feed.reset()
    backfilled = false
    if (playerId.value === '') return
    const from = new Date(rigClock.now() - HISTORY_MS).toISOString()
    const query = new URLSearchParams({ player_id: playerId.value, streams: 'events,network,control', from })
    stop = follow(() => `${streams.timeseries}?${query}`, {
      frame,
      state: (next) => {
        if (next.kind === 'connecting' && state.value.kind === 'down') return
        // The archive tells everything from the beginning, so what others said makes way.
        if (next.kind === 'open' && !backfilled) feed.clear()
        state.value = next.kind === 'open' && !backfilled ? { kind: 'backfill' } : next
      },
    })
  }

  onPlayerLink((link) => {
    if (link.player_id !== canonical.value) return
    const at = Date.parse(link.ts)
    rigClock.observe(at)
    feed.link.second(at, link.server_metrics)
  })
  watch(playerId, start, { immediate: true })
  onScopeDispose(() => stop())
  /** Whether the archive is the source; if not, the page fills in what it can. */
  const archived = computed(() => state.value.kind === 'open' || state.value.kind === 'backfill')
  return { feed, state, archived, restart: start }
}

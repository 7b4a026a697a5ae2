// Everything one player's page shows over time: samples, requests, marks, kept current by the archive's time series.
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

import { linkChangeOf, markOf, type RateOfPreset, strikeOf } from './actions'
import { rigClock } from './clock'

export interface LocalSample {
  buffer: number | null
  bitrate: number | null
  estimate: number | null
  inForce: number | null
  asked: number | null
}

const HISTORY_MS = 10 * 60_000

export class SessionFeed {
  readonly samples = new SampleStore()
  readonly marks = new MarkStore()
  readonly requests = new RequestStore()
  /** What was asked of the link, once anybody said. */
  private asked: number | null | undefined
  /** What is asked of it while no pattern says otherwise. */
  private base: number | null | undefined
  private stall: { id: string; at: number } | undefined
  private strike: { id: string; at: number } | undefined
  /** Presets are facts of the rig, read elsewhere. */
  rateOfPreset: RateOfPreset = () => null

  control(row: ControlRow): void {
    const mark = markOf(row, this.rateOfPreset)
    if (mark) this.marks.push(mark)
    this.noteStrike(row)
    const link = linkChangeOf(row, this.base, this.rateOfPreset)
    if (link?.base !== undefined) this.base = link.base
    if (link?.change) {
      this.asked = link.change.asked
      this.samples.push(Date.parse(row.ts), link.change)
    }
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
    const cap = row.effective_rate_limit_mbps
    this.samples.push(at, {
      delivered: row.delivered_mbps,
      inForce: cap === undefined || cap === null ? cap : cap > 0 ? cap : null,
      asked: this.asked,
      estimate: row.network_bitrate_mbps ?? undefined,
      buffer: row.buffer_depth_s ?? undefined,
      bitrate: row.video_bitrate_mbps ?? undefined,
    })
    this.noteStall(row.last_event, at, row.last_stall_time_s ?? undefined)
  }

  /** A report of the in-page player, for when there is no archive to bring it back. */
  localSample(at: number, sample: LocalSample): void {
    this.asked = sample.asked
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

  /** What is asked of the link, for rows from before anybody changed it. */
  assumeAsked(rate: number | null): void {
    if (this.asked === undefined) this.asked = rate
    if (this.base === undefined) this.base = rate
  }

  mark(mark: Mark): void {
    this.marks.push(mark)
  }

  /** Forgets what was shown; what is asked of the link stays known. */
  clear(): void {
    for (const store of [this.samples, this.marks, this.requests]) store.clear()
    this.stall = this.strike = undefined
  }

  /** Begins anew, for another player. */
  reset(): void {
    this.clear()
    this.asked = this.base = undefined
  }
}

export type FeedState = StreamState | { kind: 'backfill' }

/** Follows a player's time series for as long as the calling component lives. */
export function useSessionFeed(playerId: Ref<string>) {
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

  watch(playerId, start, { immediate: true })
  onScopeDispose(() => stop())
  /** Whether the archive is the source; if not, the page fills in what it can. */
  const archived = computed(() => state.value.kind === 'open' || state.value.kind === 'backfill')
  return { feed, state, archived, restart: start }
}

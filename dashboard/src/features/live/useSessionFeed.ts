// Follows what happens to one player: the archive's time series, or, while there is no archive, the rig's own feed; and the
// seconds of its link, which the rig tells itself.
//
// Invariant: one source at a time. The archive is asked again and again while it is away; when it answers, it tells everything
// from the beginning, and what the feed told makes way.

import { onScopeDispose, shallowRef, watch, type Ref } from 'vue'

import { streams } from '@/api/rig'
import type { ControlRow, EventRow, NetworkRow } from '@/api/schema'
import { follow, type StreamState } from '@/api/stream'

import { rigClock } from './clock'
import { followFeed } from './feedStream'
import { playerOf, rowOf } from './records'
import { onPlayerLink } from './rigEvents'
import { SessionFeed } from './sessionFeed'

const HISTORY_MS = 10 * 60_000

export type FeedState = StreamState | { kind: 'backfill' }

/** Who tells what is shown; nobody until one of them answers. */
export type FeedSource = 'archive' | 'rig'

/**
 * Follows for as long as the calling component lives. A page may know a player by another name than `canonical`, the one in
 * the rig's own frames.
 */
export function useSessionFeed(playerId: Ref<string>, canonical: Ref<string | undefined>) {
  const feed = new SessionFeed()
  const state = shallowRef<FeedState>({ kind: 'connecting' })
  const source = shallowRef<FeedSource>()
  let leaveArchive = () => {}
  let leaveRig = () => {}
  /** Whether the archive told anything since it was asked from the beginning, and whether all of the past. */
  let begun = false
  let backfilled = false

  function start(): void {
    leaveArchive()
    leaveRig()
    feed.reset()
    source.value = undefined
    state.value = { kind: 'connecting' }
    if (playerId.value !== '') followArchive()
  }

  function followArchive(): void {
    leaveArchive()
    begun = backfilled = false
    const from = new Date(rigClock.now() - HISTORY_MS).toISOString()
    const query = new URLSearchParams({ player_id: playerId.value, streams: 'events,network,control', from })
    leaveArchive = follow(() => `${streams.timeseries}?${query}`, { frame, state: archiveIs })
  }

  function frame(name: string, data: unknown): void {
    if (data === undefined || data === null) return
    begun = true
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

  function archiveIs(next: StreamState): void {
    if (next.kind === 'open') {
      leaveRig()
      const wasAway = source.value === 'rig' && begun
      source.value = 'archive'
      // It would only go on where it broke off.
      if (wasAway) return followArchive()
      if (!begun) feed.clear()
      state.value = backfilled ? next : { kind: 'backfill' }
    } else if (next.kind === 'down' && !next.reason.unreachable) {
      // The rig is there and says that the archive is not.
      if (source.value !== 'rig') startRig()
    } else if (source.value !== 'rig' && !(next.kind === 'connecting' && state.value.kind === 'down')) {
      state.value = next
    }
  }

  function startRig(): void {
    leaveRig()
    source.value = 'rig'
    if (canonical.value === undefined) return
    leaveRig = followFeed({
      record: (record) => {
        const player = playerOf(record)
        if (player === undefined || player === canonical.value) feed.take(rowOf(record))
      },
      state: (next) => {
        if (!(next.kind === 'connecting' && state.value.kind === 'down')) state.value = next
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
  watch(canonical, () => source.value === 'rig' && startRig())
  onScopeDispose(() => {
    leaveArchive()
    leaveRig()
  })
  return { feed, state, source }
}

// One report of the in-page player: what the machine knows, what the element shows, what the engine says.
//
// Invariant: names and units are the API's; what is not known is left out.

import type { PlayerMetrics } from '@/api/schema'

import { stalledFor, type Playback } from './playback'

/** What the element shows. */
export interface Picture {
  position: number
  rate: number
  bufferEnd: number | undefined
  seekableEnd: number | undefined
  video: { width: number; height: number }
  display: { width: number; height: number }
  shown: number
  dropped: number
}

/** What the engine says. */
export interface EngineFacts {
  levelMbps: number | undefined
  topMbps: number | undefined
  estimateMbps: number | undefined
  latencyS: number | undefined
  edgeS: number | undefined
  playingDateMs: number | undefined
  shifts: number
  errors: number
  lastError: string | undefined
}

export function noFacts(): EngineFacts {
  return {
    levelMbps: undefined,
    topMbps: undefined,
    estimateMbps: undefined,
    latencyS: undefined,
    edgeS: undefined,
    playingDateMs: undefined,
    shifts: 0,
    errors: 0,
    lastError: undefined,
  }
}

export function metricsOf(play: Playback, picture: Picture, engine: EngineFacts, now: number): PlayerMetrics {
  const { levelMbps, topMbps, playingDateMs } = engine
  return present({
    event_time: new Date(now).toISOString(),
    source: 'web',
    playback_engine: 'hls.js',
    state: play.state,
    position_s: rounded(picture.position),
    playback_rate: picture.rate,
    buffer_depth_s: rounded(Math.max(0, (picture.bufferEnd ?? picture.position) - picture.position)),
    buffer_end_s: rounded(picture.bufferEnd),
    seekable_end_s: rounded(picture.seekableEnd),
    live_edge_s: rounded(engine.edgeS),
    live_offset_s: rounded(engine.latencyS),
    true_offset_s: playingDateMs === undefined ? undefined : rounded((now - playingDateMs) / 1_000),
    playhead_wallclock_ms: playingDateMs === undefined ? undefined : Math.round(playingDateMs),
    video_resolution: sizeOf(picture.video),
    display_resolution: sizeOf(picture.display),
    video_bitrate_mbps: rounded(levelMbps),
    video_quality_pct: levelMbps !== undefined && topMbps ? rounded((100 * levelMbps) / topMbps) : undefined,
    network_bitrate_mbps: rounded(engine.estimateMbps),
    first_frame_time_s: rounded(play.firstFrameS),
    video_start_time_s: rounded(play.startS),
    stalls: play.stalls,
    stall_time_s: rounded(stalledFor(play, now)),
    last_stall_time_s: rounded(play.lastStallS),
    last_buffering_time_s: rounded(play.lastBufferingS),
    frames_displayed: picture.shown,
    dropped_frames: picture.dropped,
    profile_shift_count: engine.shifts,
    error: engine.lastError,
    error_count: engine.errors,
  })
}

/** Chromium and the like, from a User-Agent. */
export function browserFamily(userAgent: string): string {
  const known = [
    ['Firefox', /Firefox\//],
    ['Edge', /Edg\//],
    ['Chrome', /Chrom(e|ium)\//],
    ['Safari', /Safari\//],
  ] as const
  return known.find(([, pattern]) => pattern.test(userAgent))?.[0] ?? 'other'
}

function sizeOf({ width, height }: { width: number; height: number }): string | undefined {
  return width > 0 && height > 0 ? `${Math.round(width)}x${Math.round(height)}` : undefined
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined || !Number.isFinite(value) ? undefined : Math.round(value * 1_000) / 1_000
}

function present(metrics: Record<string, string | number | undefined>): PlayerMetrics {
  const isPresent = (entry: [string, string | number | undefined]): entry is [string, string | number] =>
    entry[1] !== undefined
  return Object.fromEntries(Object.entries(metrics).filter(isPresent))
}

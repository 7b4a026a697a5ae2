// hls.js on a video element: loads a playlist, says what it knows, tells of changes of rung and of errors.
//
// A fatal media error is given one chance to recover; every other fatal error ends the play, so that what a rule did
// stays visible instead of being papered over. Deliberately absent: metrics and their definitions.

import type Hls from 'hls.js'

import { type EngineFacts, noFacts } from './metrics'

export interface EngineHandlers {
  shifted: (from: number, to: number) => void
  failed: (reason: string) => void
  ready: () => void
  /** A segment arrived. */
  loaded: () => void
}

const MBIT = 1e6

export class HlsEngine {
  private hls: Hls | undefined
  private recovered = false
  private level: number | undefined
  private shifts = 0
  private errors = 0
  private lastError: string | undefined
  private gone = false
  private live = false

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly handlers: EngineHandlers,
  ) {}

  /** Loads a playlist, and plays from a position where one is given. */
  async load(url: string, position?: number): Promise<void> {
    const { default: Library } = await import('hls.js')
    if (this.gone) return
    if (!Library.isSupported()) {
      return this.handlers.failed('This browser has no Media Source Extensions, which hls.js needs')
    }
    const hls = new Library({ backBufferLength: 30, ...(position === undefined ? {} : { startPosition: position }) })
    this.hls = hls
    hls.on(Library.Events.MANIFEST_PARSED, () => this.handlers.ready())
    hls.on(Library.Events.LEVEL_SWITCHED, (_name, { level }) => this.switched(hls.levels[level]?.bitrate))
    hls.on(Library.Events.LEVEL_LOADED, (_name, { details }) => (this.live = details.live))
    hls.on(Library.Events.FRAG_LOADED, () => this.handlers.loaded())
    hls.on(Library.Events.ERROR, (_name, { type, details, fatal, response, error }) => {
      this.errors += 1
      const status = response?.code ? ` (HTTP ${response.code})` : ''
      this.lastError = `${details}${status}${fatal ? '' : `: ${error.message}`}`.slice(0, 300)
      if (!fatal) return
      if (type === Library.ErrorTypes.MEDIA_ERROR && !this.recovered) {
        this.recovered = true
        hls.recoverMediaError()
      } else {
        this.handlers.failed(`${details}${status}: ${error.message}`)
      }
    })
    hls.loadSource(url)
    hls.attachMedia(this.video)
  }

  facts(): EngineFacts {
    const { hls } = this
    if (!hls) return { ...noFacts(), errors: this.errors, lastError: this.lastError }
    const details = hls.latestLevelDetails
    const live = details?.live ?? false
    const estimate = hls.bandwidthEstimate
    const rates = hls.levels.map((level) => level.bitrate)
    return {
      levelMbps: this.level === undefined ? undefined : this.level / MBIT,
      topMbps: rates.length > 0 ? Math.max(...rates) / MBIT : undefined,
      estimateMbps: Number.isFinite(estimate) && estimate > 0 ? estimate / MBIT : undefined,
      latencyS: live && hls.latency > 0 ? hls.latency : undefined,
      edgeS: live ? details?.edge : undefined,
      playingDateMs: hls.playingDate?.getTime(),
      shifts: this.shifts,
      errors: this.errors,
      lastError: this.lastError,
    }
  }

  /** Whether what is played, or was played last, is live. */
  get isLive(): boolean {
    return this.live
  }

  /** Where playback of a live stream should be; nothing on demand. */
  get livePosition(): number | undefined {
    return this.hls?.liveSyncPosition ?? undefined
  }

  destroy(): void {
    this.gone = true
    this.hls?.destroy()
    this.hls = undefined
  }

  private switched(bitrate: number | undefined): void {
    if (bitrate === undefined || bitrate === this.level) return
    const before = this.level
    this.level = bitrate
    if (before === undefined) return
    this.shifts += 1
    this.handlers.shifted(before / MBIT, bitrate / MBIT)
  }
}

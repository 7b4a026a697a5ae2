// The in-page player: element, engine and machine together, one report a second and one for each thing that happens.
//
// A new play gets a new id; a restart keeps it and counts the attempt. A play that the rig's absence ended begins again by
// itself once the rig is back, where it was. Everything it learns leaves through `report`.

import { onScopeDispose, shallowRef } from 'vue'

import type { PlayerMetrics } from '@/api/schema'

import { contiguousEnd, observe, type Observer } from './element'
import { HlsEngine } from './hlsEngine'
import { browserFamily, metricsOf, noFacts, type Picture } from './metrics'
import { advance, idle, type Input, type Playback } from './playback'
import type { PlayRef } from './reporter'
import { Resumption } from './resumption'

/** Why a play begins again. */
export type RestartReason = 'reload' | 'auto_recovery'

export type ReportSink = (play: PlayRef, metrics: PlayerMetrics, heartbeat: boolean) => void

const HEARTBEAT_MS = 1_000
/** How long a play that waits is given after the rig came back. */
const RECOVERS_WITHIN_MS = 8_000

export class InPagePlayer {
  /** The last report, for the screen. */
  readonly metrics = shallowRef<PlayerMetrics>({ state: 'idle' })
  readonly failure = shallowRef<string>()
  readonly play = shallowRef<PlayRef>()
  readonly muted = shallowRef(true)
  /** Whether the play goes on by itself when the rig is back. */
  readonly waitsForRig = shallowRef(false)

  private readonly machine: Playback = idle()
  private engine: HlsEngine | undefined
  private observer: Observer | undefined
  private timer: ReturnType<typeof setInterval> | undefined
  private restarts = 0
  private failed = false
  private readonly resumption = new Resumption()
  private overdue: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly report: ReportSink,
    /** Begins the play that it has again. */
    private readonly again: () => void,
  ) {
    this.observer = observe(video, (input) => this.take(input))
    video.muted = true
  }

  /** Plays an address anew. The same play again is a restart; one that recovers goes on where it was. */
  start(play: PlayRef, url: string, reason: RestartReason = 'reload'): void {
    const again = this.play.value?.playId === play.playId
    const position = again && reason === 'auto_recovery' ? this.placeOnDemand() : undefined
    this.halt()
    this.resumption.begin()
    this.waitsForRig.value = false
    // What was going on ends under the name it had.
    this.take({ kind: 'stop' })
    this.restarts = again ? this.restarts + 1 : 0
    this.failed = false
    this.failure.value = undefined
    this.play.value = play
    const engine = new HlsEngine(this.video, {
      ready: () => void this.resume(),
      shifted: (from, to) =>
        this.say(to > from ? 'rate_shift_up' : 'rate_shift_down', { rate_from_mbps: from, rate_to_mbps: to }),
      failed: (why) => this.fail(why),
      loaded: () => this.resumption.advance(),
    })
    this.engine = engine
    if (again) this.say('restart', { restart_reason: reason, trigger_type: reason })
    this.take({ kind: 'load' })
    this.observer?.expectPicture()
    this.timer = setInterval(() => this.say('heartbeat'), HEARTBEAT_MS)
    engine.load(url, position).catch((error: unknown) => this.fail(String(error)))
  }

  stop(): void {
    const playing = this.engine !== undefined
    this.resumption.begin()
    this.waitsForRig.value = false
    this.halt()
    this.take({ kind: 'stop' })
    if (playing) this.say('stopped')
  }

  togglePause(): void {
    if (this.video.paused) void this.resume()
    else this.video.pause()
  }

  toggleMute(): void {
    this.video.muted = this.muted.value = !this.muted.value
  }

  /** To where a live stream should be played. */
  goLive(): void {
    const position = this.engine?.livePosition
    if (position === undefined) return
    this.observer?.announceSeek()
    this.video.currentTime = position
    void this.resume()
  }

  /** The rig is away, or there again. */
  rigIs(there: boolean): void {
    clearTimeout(this.overdue)
    const { resumption } = this
    if (!there) {
      const { state } = this.machine
      resumption.leave(state === 'buffering' || state === 'playing' || state === 'stalled')
    } else if (resumption.comeBack()) {
      this.again()
    } else {
      this.overdue = setTimeout(() => this.recoverIfDue(), RECOVERS_WITHIN_MS)
    }
    this.waitsForRig.value = resumption.isWaiting
  }

  dispose(): void {
    clearTimeout(this.overdue)
    this.stop()
    this.observer?.stop()
    this.observer = undefined
  }

  private async resume(): Promise<void> {
    try {
      await this.video.play()
    } catch (error) {
      if (error instanceof DOMException && error.name === 'NotAllowedError') {
        this.failure.value = 'The browser does not start by itself: press play'
      }
    }
  }

  private fail(reason: string): void {
    this.failure.value = reason
    this.failed = true
    this.take({ kind: 'error' })
    // A player that gave up says so once and is then silent.
    clearInterval(this.timer)
    this.engine?.destroy()
    if (this.resumption.fail()) this.again()
  }

  private recoverIfDue(): void {
    const { state } = this.machine
    if (this.resumption.isOverdue(state === 'buffering' || state === 'stalled')) this.again()
  }

  /** The playhead of what is not live; nothing before it moved. */
  private placeOnDemand(): number | undefined {
    const { position } = this.machine
    return this.engine === undefined || this.engine.isLive || !(position > 0) ? undefined : position
  }

  private halt(): void {
    clearInterval(this.timer)
    this.observer?.look()
    this.engine?.destroy()
    this.engine = undefined
    this.video.removeAttribute('src')
    this.video.load()
  }

  private take(input: Input): void {
    if (this.failed && input.kind !== 'load' && input.kind !== 'stop' && input.kind !== 'error') return
    for (const { event } of advance(this.machine, input, Date.now())) this.say(event)
    if (input.kind === 'play') this.failure.value = undefined
  }

  private say(event: string, more: PlayerMetrics = {}): void {
    const play = this.play.value
    if (play === undefined) return
    const metrics = metricsOf(this.machine, this.picture(), this.engine?.facts() ?? noFacts(), Date.now())
    const whole: PlayerMetrics = {
      ...metrics,
      last_event: event,
      trigger_type: event,
      browser_family: browserFamily(navigator.userAgent),
      player_restarts: this.restarts,
      ...(this.failed && this.failure.value !== undefined ? { error: this.failure.value } : {}),
      ...more,
    }
    this.metrics.value = whole
    this.report(play, whole, event === 'heartbeat')
  }

  private picture(): Picture {
    const { video } = this
    const quality = video.getVideoPlaybackQuality()
    const { seekable } = video
    return {
      position: video.currentTime,
      rate: video.playbackRate,
      bufferEnd: contiguousEnd(video.buffered, video.currentTime),
      seekableEnd: seekable.length > 0 ? seekable.end(seekable.length - 1) : undefined,
      video: { width: video.videoWidth, height: video.videoHeight },
      display: { width: video.clientWidth * devicePixelRatio, height: video.clientHeight * devicePixelRatio },
      shown: quality.totalVideoFrames - quality.droppedVideoFrames,
      dropped: quality.droppedVideoFrames,
    }
  }
}

/** Takes the player down with the component that made it. */
export function disposeWithScope(player: InPagePlayer): void {
  onScopeDispose(() => player.dispose())
}

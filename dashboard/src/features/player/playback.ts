// What playback is, as a pure machine: inputs with their time go in, events with their facts come out.
//
// Definitions. A *stall* is playback that is expected and does not advance, that is neither the start nor a seek of the
// viewer. *Expected* is: asked to play, not paused, not ended, not failed. *Buffering* is the waiting that is no stall:
// before the first picture and behind a seek. A jump that the engine makes on its own during a stall does not end it.
// Invariant: stalls and bufferings come in pairs of start and end, and never overlap.
// Deliberately absent: the media element, the clock, the network.

export type PlayState = 'idle' | 'buffering' | 'playing' | 'stalled' | 'paused' | 'ended' | 'error'

export type PlayEvent =
  | 'buffering_start'
  | 'buffering_end'
  | 'video_first_frame'
  | 'video_start_time'
  | 'stall_start'
  | 'stall_end'
  | 'timejump'
  | 'playing'
  | 'paused'
  | 'ended'
  | 'error'

export type Input =
  | { kind: 'load' }
  | { kind: 'stop' }
  | { kind: 'play' }
  | { kind: 'pause' }
  | { kind: 'waiting' }
  | { kind: 'first_frame' }
  | { kind: 'seek'; by: 'viewer' | 'engine' }
  | { kind: 'ended' }
  | { kind: 'error' }
  /** Where the playhead is; sent with every sign of life and at least a few times a second. */
  | { kind: 'position'; position: number; seeking: boolean }

export interface Emitted {
  event: PlayEvent
  at: number
}

export interface Playback {
  state: PlayState
  /** When play was asked for. */
  askedAt: number
  firstFrameS: number | undefined
  startS: number | undefined
  position: number
  /** When the playhead last moved. */
  movedAt: number
  /** Since when the viewer waits, whatever the wait is called. */
  waitingSince: number | undefined
  paused: boolean
  stalls: number
  stallTimeS: number
  lastStallS: number | undefined
  lastBufferingS: number | undefined
}

/** A playhead that rests this long is not advancing, also when the element says nothing. */
export const STUCK_MS = 500
/** Smaller moves of the playhead are no sign of life. */
const MOVE_S = 0.001

export function idle(): Playback {
  return {
    state: 'idle',
    askedAt: 0,
    firstFrameS: undefined,
    startS: undefined,
    position: 0,
    movedAt: 0,
    waitingSince: undefined,
    paused: false,
    stalls: 0,
    stallTimeS: 0,
    lastStallS: undefined,
    lastBufferingS: undefined,
  }
}

/** Takes an input, changes the state and says what happened. */
export function advance(play: Playback, input: Input, now: number): Emitted[] {
  switch (input.kind) {
    case 'load':
      return load(play, now)
    case 'stop':
      return leave(play, now)
    case 'play':
      return resume(play, now)
    case 'pause':
      if (play.state === 'idle' || play.state === 'ended' || play.state === 'error') return []
      play.paused = true
      return [...endWait(play, now), ...become(play, 'paused', now)]
    case 'waiting':
      return play.state === 'playing' ? beginStall(play, now) : []
    case 'first_frame':
      return firstFrame(play, now)
    case 'seek':
      return seek(play, input.by, now)
    case 'ended':
      return [...endWait(play, now), ...become(play, 'ended', now)]
    case 'error':
      return [...endWait(play, now), ...become(play, 'error', now)]
    case 'position':
      if (!input.seeking) return moved(play, input.position, now)
      play.position = Number.NaN
      return []
  }
}

/** Time stalled in this play, with the stall that is going on. */
export function stalledFor(play: Playback, now: number): number {
  const running = play.state === 'stalled' && play.waitingSince !== undefined ? (now - play.waitingSince) / 1_000 : 0
  return play.stallTimeS + running
}

function load(play: Playback, now: number): Emitted[] {
  Object.assign(play, idle(), { askedAt: now, movedAt: now, position: Number.NaN })
  return beginBuffering(play, now)
}

function resume(play: Playback, now: number): Emitted[] {
  if (!play.paused && play.state !== 'ended') return []
  play.paused = false
  play.movedAt = now
  // Whether it plays is for the playhead to say; until then the viewer waits without blaming anybody.
  if (play.startS === undefined || play.state === 'ended') return beginBuffering(play, now)
  play.state = 'playing'
  return [{ event: 'playing', at: now }]
}

function firstFrame(play: Playback, now: number): Emitted[] {
  if (play.firstFrameS !== undefined || play.state === 'idle') return []
  play.firstFrameS = (now - play.askedAt) / 1_000
  return [{ event: 'video_first_frame', at: now }]
}

function seek(play: Playback, by: 'viewer' | 'engine', now: number): Emitted[] {
  play.position = Number.NaN
  // The engine's own jump to the live edge is part of starting; its jumps over a hole are part of the stall.
  if (play.state === 'idle' || play.startS === undefined) return []
  if (by === 'engine' && play.state === 'stalled') return []
  const events: Emitted[] = [{ event: 'timejump', at: now }]
  play.movedAt = now
  if (play.paused) return events
  return [...endWait(play, now), ...events, ...beginBuffering(play, now)]
}

function moved(play: Playback, position: number, now: number): Emitted[] {
  // NaN is a playhead that is somewhere else than before: where it lands says nothing about advancing.
  const advanced = Math.abs(position - play.position) > MOVE_S
  if (advanced || Number.isNaN(play.position)) play.position = position
  if (!advanced) {
    const stuck = play.state === 'playing' && now - play.movedAt >= STUCK_MS
    return stuck ? beginStall(play, play.movedAt, now) : []
  }
  play.movedAt = now
  if (play.paused || play.state === 'idle' || play.state === 'ended' || play.state === 'error') return []
  return [...firstFrame(play, now), ...started(play, now), ...endWait(play, now), ...become(play, 'playing', now)]
}

function started(play: Playback, now: number): Emitted[] {
  if (play.startS !== undefined) return []
  play.startS = (now - play.askedAt) / 1_000
  return [{ event: 'video_start_time', at: now }]
}

function leave(play: Playback, now: number): Emitted[] {
  const events = endWait(play, now)
  play.state = 'idle'
  return events
}

function beginBuffering(play: Playback, now: number): Emitted[] {
  play.state = 'buffering'
  play.waitingSince = now
  return [{ event: 'buffering_start', at: now }]
}

function beginStall(play: Playback, since: number, now = since): Emitted[] {
  play.state = 'stalled'
  play.waitingSince = since
  play.stalls += 1
  return [{ event: 'stall_start', at: now }]
}

function endWait(play: Playback, now: number): Emitted[] {
  const { waitingSince, state } = play
  if (waitingSince === undefined) return []
  play.waitingSince = undefined
  const lasted = Math.max(0, now - waitingSince) / 1_000
  if (state === 'stalled') {
    play.lastStallS = lasted
    play.stallTimeS += lasted
    return [{ event: 'stall_end', at: now }]
  }
  play.lastBufferingS = lasted
  return [{ event: 'buffering_end', at: now }]
}

function become(play: Playback, state: 'playing' | 'paused' | 'ended' | 'error', now: number): Emitted[] {
  if (play.state === state) return []
  const wasWaiting = play.state === 'stalled' || play.state === 'buffering'
  play.state = state
  // The end of a wait says that it plays again; `playing` is for everything else.
  if (state === 'playing' && wasWaiting) return []
  return [{ event: state, at: now }]
}

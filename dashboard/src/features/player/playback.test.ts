import { beforeEach, describe, expect, it, vi, afterEach } from 'vitest'

import { contiguousEnd, observe, type Observer } from './element'
import { advance, idle, stalledFor, type Playback, type PlayEvent } from './playback'

/** A media element that does what it is told. */
class FakeElement extends EventTarget {
  currentTime = 0
  seeking = false
  fire(name: string) {
    this.dispatchEvent(new Event(name))
  }
}

let element: FakeElement
let play: Playback
let events: [PlayEvent, number][]
let observer: Observer

const names = () => events.map(([event]) => event)
const input = (kind: Parameters<typeof advance>[1]) => {
  for (const { event, at } of advance(play, kind, Date.now())) events.push([event, at])
}

/** Lets the playhead run for so many milliseconds. */
function runs(ms: number) {
  for (let t = 0; t < ms; t += 50) {
    element.currentTime += 0.05
    vi.advanceTimersByTime(50)
  }
}

/** Lets time pass and the playhead rest. */
const rests = (ms: number) => vi.advanceTimersByTime(ms)

function jumps(to: number, by: 'viewer' | 'engine') {
  if (by === 'viewer') observer.announceSeek()
  element.seeking = true
  element.currentTime = to
  element.fire('seeking')
}

function lands() {
  element.seeking = false
  element.fire('seeked')
}

function startsPlaying() {
  input({ kind: 'load' })
  rests(300)
  jumps(57, 'engine')
  rests(100)
  lands()
  element.fire('loadeddata')
  rests(100)
  runs(1_000)
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
  element = new FakeElement()
  play = idle()
  events = []
  observer = observe(element, input)
})

afterEach(() => {
  observer.stop()
  vi.useRealTimers()
})

describe('the start', () => {
  it('is buffering and no stall, also when the engine jumps to the live edge and the element waits', () => {
    input({ kind: 'load' })
    element.fire('waiting')
    jumps(57, 'engine')
    element.fire('waiting')
    rests(3_000)
    expect(names()).toEqual(['buffering_start'])
    lands()
    rests(1_000)
    element.fire('loadeddata')
    runs(500)
    expect(names()).toEqual(['buffering_start', 'video_first_frame', 'video_start_time', 'buffering_end'])
    expect(play.firstFrameS).toBe(4)
    expect(play.startS).toBeGreaterThan(4)
    expect([play.stalls, play.state]).toEqual([0, 'playing'])
  })

  it('is measured again after the next load', () => {
    startsPlaying()
    rests(2_000)
    input({ kind: 'load' })
    expect([play.firstFrameS, play.stalls, play.state]).toEqual([undefined, 0, 'buffering'])
  })
})

describe('a stall', () => {
  beforeEach(() => {
    startsPlaying()
    events = []
  })

  it('begins with `waiting` and ends when the playhead moves', () => {
    const began = Date.now()
    element.fire('waiting')
    rests(2_000)
    runs(200)
    expect(names()).toEqual(['stall_start', 'stall_end'])
    expect(events[0]?.[1]).toBe(began)
    expect(play.stalls).toBe(1)
    expect(play.lastStallS).toBeGreaterThanOrEqual(2)
    expect(play.lastStallS).toBeLessThan(2.3)
    expect(stalledFor(play, Date.now())).toBe(play.lastStallS)
  })

  it('counts once, however often the element complains', () => {
    element.fire('waiting')
    element.fire('stalled')
    element.fire('waiting')
    rests(1_000)
    element.fire('waiting')
    expect([names(), play.stalls]).toEqual([['stall_start'], 1])
    expect(stalledFor(play, Date.now())).toBe(1)
  })

  it('is seen without a word from the element, and dated from when the playhead stopped', () => {
    rests(5_000)
    expect(names()).toEqual(['stall_start'])
    runs(100)
    expect(play.lastStallS).toBeGreaterThanOrEqual(5)
  })

  it('is not what the viewer paused, before or during', () => {
    element.fire('pause')
    rests(5_000)
    expect(names()).toEqual(['paused'])
    element.fire('play')
    runs(200)
    expect(names()).toEqual(['paused', 'playing'])
    element.fire('waiting')
    rests(1_000)
    element.fire('pause')
    rests(5_000)
    expect(names().slice(2)).toEqual(['stall_start', 'stall_end', 'paused'])
    expect(play.lastStallS).toBe(1)
  })

  it('is not the wait behind a seek of the viewer: that is buffering', () => {
    jumps(20, 'viewer')
    element.fire('waiting')
    rests(2_000)
    lands()
    rests(500)
    runs(200)
    expect(names()).toEqual(['timejump', 'buffering_start', 'buffering_end'])
    expect(play.stalls).toBe(0)
    expect(play.lastBufferingS).toBeGreaterThan(2)
  })

  it('is not the wait of a seek that the element announces late', () => {
    element.seeking = true
    element.currentTime = 20
    element.fire('waiting')
    rests(1_000)
    expect(names()).toEqual([])
    jumps(20, 'viewer')
    lands()
    runs(200)
    expect(play.stalls).toBe(0)
  })

  it('goes on when the engine jumps over a hole to get out of it', () => {
    element.fire('waiting')
    rests(1_000)
    jumps(element.currentTime + 0.2, 'engine')
    rests(500)
    lands()
    rests(500)
    runs(300)
    expect(names()).toEqual(['stall_start', 'stall_end'])
    expect(play.lastStallS).toBeGreaterThanOrEqual(2)
  })

  it('ends when the play ends, fails or is stopped', () => {
    for (const end of ['ended', 'error', 'stop'] as const) {
      startsPlaying()
      events = []
      element.fire('waiting')
      rests(700)
      input({ kind: end })
      expect(names().slice(0, 2)).toEqual(['stall_start', 'stall_end'])
      rests(5_000)
      expect(play.stalls).toBe(1)
    }
  })
})

describe('the buffer', () => {
  const ranges = (...spans: [number, number][]) => ({
    length: spans.length,
    start: (i: number) => spans[i]?.[0] ?? 0,
    end: (i: number) => spans[i]?.[1] ?? 0,
  })

  it('is the range at the playhead, not the last one', () => {
    expect(contiguousEnd(ranges([0, 10], [50, 90]), 4)).toBe(10)
    expect(contiguousEnd(ranges([0, 10], [50, 90]), 49.95)).toBe(90)
  })

  it('is nothing when the playhead stands in a hole', () => {
    expect(contiguousEnd(ranges([0, 10], [50, 90]), 20)).toBeUndefined()
    expect(contiguousEnd(ranges(), 0)).toBeUndefined()
  })
})

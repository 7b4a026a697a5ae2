import { describe, expect, it } from 'vitest'

import { boundsOf, freeze, goLive, MAX_SPAN, MIN_SPAN, pan, pin, zoom, type TimeWindow } from './window'

const at = (edge: number, range: TimeWindow['range'] = null): TimeWindow => ({
  range,
  liveSpan: 60_000,
  edge,
  cursor: null,
})

describe('the window', () => {
  it('follows the edge until it is pinned', () => {
    const window = at(100_000)
    expect(boundsOf(window)).toEqual({ from: 40_000, to: 100_000 })
    window.edge = 101_000
    expect(boundsOf(window)).toEqual({ from: 41_000, to: 101_000 })
    freeze(window)
    window.edge = 200_000
    expect(boundsOf(window)).toEqual({ from: 41_000, to: 101_000 })
  })

  it('follows again when it is dropped within two seconds of the edge, with the width it had', () => {
    const window = at(100_000, { from: 10_000, to: 20_000 })
    pin(window, { from: 88_500, to: 98_500 })
    expect(window.range).toBeNull()
    expect(window.liveSpan).toBe(10_000)
    pin(window, { from: 80_000, to: 97_000 })
    expect(window.range).toEqual({ from: 80_000, to: 97_000 })
  })

  it('zooms around the pointer when pinned and keeps the edge when live', () => {
    const pinned = at(1_000_000, { from: 0, to: 100_000 })
    zoom(pinned, 0.5, 25_000)
    expect(pinned.range).toEqual({ from: 12_500, to: 62_500 })
    const live = at(1_000_000)
    zoom(live, 0.5, 950_000)
    expect(boundsOf(live)).toEqual({ from: 970_000, to: 1_000_000 })
  })

  it('pans out of live and back into it', () => {
    const window = at(100_000)
    pan(window, -30_000)
    expect(window.range).toEqual({ from: 10_000, to: 70_000 })
    pan(window, 40_000)
    expect(window.range).toBeNull()
  })

  it('is never narrower than a second nor wider than an hour', () => {
    const window = at(10_000_000)
    goLive(window, 1)
    expect(window.liveSpan).toBe(MIN_SPAN)
    zoom(window, 1e9, 0)
    expect(window.liveSpan).toBe(MAX_SPAN)
  })
})

import { describe, expect, it } from 'vitest'

import { SampleStore } from './samples'

const COLUMNS = ['buffer', 'delivered', 'inForce'] as const

describe('the store of samples', () => {
  it('keeps times in order, whatever order they come in', () => {
    const store = new SampleStore(COLUMNS)
    for (const time of [3_000, 1_000, 2_000]) store.push(time, { buffer: time })
    expect(store.times).toEqual([1_000, 2_000, 3_000])
    expect(store.columns.buffer).toEqual([1_000, 2_000, 3_000])
  })

  it('adds to a sample of the same instant instead of doubling it', () => {
    const store = new SampleStore(COLUMNS)
    store.push(1_000, { buffer: 5 })
    store.push(1_000, { delivered: 2 })
    expect(store.times).toEqual([1_000])
    expect([store.columns.buffer[0], store.columns.delivered[0]]).toEqual([5, 2])
  })

  it('draws a silence as a hole and a missing value as none', () => {
    const store = new SampleStore(COLUMNS)
    store.push(1_000, { buffer: 5, inForce: 3 })
    store.push(2_000, { buffer: 6 })
    store.push(60_000, { buffer: 1 })
    expect(store.columns.inForce).toEqual([3, undefined, null, null])
    expect(store.valueAt('inForce', 1)).toBe(3)
    expect(store.valueAt('inForce', 3)).toBeNull()
  })

  it('has the hole also where the past comes after the present', () => {
    const store = new SampleStore(COLUMNS)
    for (const time of [60_000, 1_000, 20_000]) store.push(time, { buffer: 5 })
    expect(store.times.filter((_, index) => store.columns.buffer[index] === 5)).toEqual([1_000, 20_000, 60_000])
    expect([store.valueAt('buffer', store.indexAt(19_999)), store.valueAt('buffer', store.indexAt(59_999))]).toEqual([
      null,
      null,
    ])
  })

  it('is bounded: the oldest go', () => {
    const store = new SampleStore(COLUMNS, 100)
    for (let i = 0; i < 1_000; i += 1) store.push(i * 1_000, { buffer: i })
    expect(store.times.length).toBeLessThanOrEqual(110)
    expect(store.times.at(-1)).toBe(999_000)
    expect(store.columns.buffer.length).toBe(store.times.length)
  })

  it('finds the sample under a cursor and the peak of a window', () => {
    const store = new SampleStore(COLUMNS)
    for (const [time, delivered] of [
      [1_000, 1],
      [2_000, 9],
      [3_000, 2],
    ] as const) {
      store.push(time, { delivered })
    }
    expect([store.indexAt(999), store.indexAt(1_000), store.indexAt(2_999)]).toEqual([-1, 0, 1])
    expect([store.maxOf('delivered', 0, 5_000), store.maxOf('delivered', 2_500, 5_000)]).toEqual([9, 2])
  })
})

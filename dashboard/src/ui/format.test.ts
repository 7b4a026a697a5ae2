import { describe, expect, it } from 'vitest'

import { ago, bytes, duration, mbps, MISSING, seconds, shortId } from './format'

describe('numbers as people read them', () => {
  it('writes what is not known as missing, never as zero', () => {
    for (const text of [mbps(null), seconds(undefined), duration(null), bytes(undefined)]) expect(text).toBe(MISSING)
    expect(mbps(0)).toBe('0.00')
  })

  it('keeps three digits that matter', () => {
    expect([mbps(0.4), mbps(12.34), mbps(940.2)]).toEqual(['0.40', '12.3', '940'])
    expect([duration(3.14159), duration(250.4), duration(12_345)]).toEqual(['3.1 ms', '250 ms', '12.35 s'])
    expect([bytes(999), bytes(1_000), bytes(2_500_000)]).toEqual(['999 B', '1.0 kB', '2.50 MB'])
  })

  it('says how long ago in the largest unit', () => {
    expect([ago(0, 3_000), ago(0, 59_000), ago(0, 61_000), ago(0, 90_000_000)]).toEqual([
      'now',
      '59 s ago',
      '1 min ago',
      '1 d ago',
    ])
  })

  it('shortens ids of machines and leaves names alone', () => {
    expect(shortId('6ba7b810-9dad-11d1-80b4-00c04fd430c8')).toBe('6ba7b810')
    expect(shortId('living-room')).toBe('living-room')
  })
})

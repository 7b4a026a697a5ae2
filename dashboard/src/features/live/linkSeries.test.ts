import { expect, it } from 'vitest'

import type { EventRow, LinkMetrics } from '@/api/schema'

import { LinkSeries } from './linkSeries'

const T0 = Date.parse('2026-03-01T10:00:00Z')
const second = (more: Partial<LinkMetrics> = {}) => ({ connections: 1, ...more }) as LinkMetrics
const row = (more: Partial<EventRow> = {}): EventRow => ({ ts: '', id: '1', ...more })

it('has of a second what was measured, and a gap where nothing was', () => {
  const link = new LinkSeries()
  link.second(
    T0,
    second({
      effective_rate_limit_mbps: 5,
      wire_down_mbps: { mean: 4.9, min: 0, max: 5 },
      shaper_backlog_bytes: { mean: 30_000, min: 0, max: 62_500 },
      shaper_drops: 3,
      rtt_ms: 80,
    }),
  )
  const { columns } = link.samples
  expect([columns.inForce, columns.wire, columns.waiting, columns.waitingMost, columns.dropped, columns.rtt]).toEqual([
    [5],
    [4.9],
    [30],
    [62.5],
    [3],
    [80],
  ])
  expect([columns.delivered, columns.ping, columns.repeated]).toEqual([[null], [null], [null]])
})

it('takes a second of the archive only where the rig told none itself', () => {
  const link = new LinkSeries()
  link.second(T0, second({ delivered_mbps: 4 }))
  link.row(T0 - 700, row({ delivered_mbps: 1 }))
  link.row(T0 + 900, row({ delivered_mbps: 1 }))
  link.row(T0 - 60_000, row({ delivered_mbps: 2, client_retransmits: '7' }))
  expect(link.samples.columns.delivered.filter((value) => typeof value === 'number')).toEqual([2, 4])
  expect(link.samples.valueAt('repeated', 0)).toBe(7)
})

it('bridges a round trip that is no news, and gives it up after a while', () => {
  const link = new LinkSeries()
  link.second(T0, second({ rtt_ms: 20 }))
  for (let s = 1; s <= 7; s += 1) link.second(T0 + s * 1_000, second({ rtt_ms: 20, rtt_stale: true }))
  expect(link.samples.columns.rtt).toEqual([20, ...Array<undefined>(5).fill(undefined), null, null])
})

it('knows what is asked in every second, and of another player nothing', () => {
  const link = new LinkSeries()
  link.assume(5)
  link.assume(9)
  link.second(T0, second())
  link.control({
    ts: new Date(T0 + 500).toISOString(),
    id: '2',
    event: 'shaper_config_change',
    info: '{"asked":{"rate_mbps":3},"in_force_rate_mbps":3}',
  })
  link.second(T0 + 1_000, second({ effective_rate_limit_mbps: 3 }))
  expect(link.samples.columns.asked).toEqual([5, 3, 3])
  link.reset()
  link.second(T0, second())
  expect(link.samples.columns.asked).toEqual([undefined])
})

it('draws a new cap from when it was read back, not from the end of that second', () => {
  const link = new LinkSeries()
  link.second(T0, second({ effective_rate_limit_mbps: 3 }))
  link.enforced(T0 + 200, 6)
  link.second(T0 + 1_000, second({ effective_rate_limit_mbps: 6 }))
  link.enforced(T0 + 1_300, null)
  expect(link.samples.columns.inForce).toEqual([3, 6, 6, null])
})

it('stays bounded', () => {
  const link = new LinkSeries()
  for (let s = 0; s < 20_000; s += 1) link.second(T0 + s * 1_000, second())
  expect(link.samples.times.length).toBeLessThan(8_000)
  // The oldest seconds are forgotten, so the archive may tell them again.
  link.row(T0, row({ delivered_mbps: 1 }))
  expect(link.samples.valueAt('delivered', 0)).toBe(1)
})

import { expect, it } from 'vitest'

import type { EventRow } from '@/api/schema'

import { SessionFeed } from './sessionFeed'

const at = (second: number) => `2026-03-01T10:00:0${second}.000Z`
const event = (second: number, more: Partial<EventRow> = {}): EventRow => ({
  ts: at(second),
  id: String(second),
  effective_rate_limit_mbps: 0,
  ...more,
})

it('draws no cap while the link is uncapped, and what was asked from when it was asked', () => {
  const feed = new SessionFeed()
  feed.event(event(1))
  const info = '{"asked":{"rate_mbps":3},"in_force_rate_mbps":2.9}'
  feed.control({ ts: at(2), id: '2', event: 'shaper_config_change', info })
  feed.event(event(3, { effective_rate_limit_mbps: 2.9 }))
  expect(feed.link.samples.columns.inForce).toEqual([null, 2.9, 2.9])
  expect(feed.link.samples.columns.asked).toEqual([undefined, 3, 3])
  expect(feed.marks.all[0]?.text).toBe('Link set to 3.00 Mbit/s, 2.90 Mbit/s in force')
})

it('makes one band of the two ends of a stall', () => {
  const feed = new SessionFeed()
  feed.event(event(1, { last_event: 'stall_start' }))
  feed.event(event(5, { last_event: 'stall_end', last_stall_time_s: 4.25 }))
  expect(feed.marks.all).toHaveLength(1)
  expect(feed.marks.all[0]).toMatchObject({ kind: 'stall', at: Date.parse(at(1)), until: Date.parse(at(5)) })
  expect(feed.marks.all[0]?.text).toContain('4.25 s')
})

it('dates a stall whose beginning nobody saw from its length', () => {
  const feed = new SessionFeed()
  feed.event(event(5, { last_event: 'stall_end', last_stall_time_s: 2 }))
  expect(feed.marks.all[0]?.at).toBe(Date.parse(at(3)))
})

it('marks what a rule did, and nothing that merely failed', () => {
  const feed = new SessionFeed()
  const row = { ts: at(1), method: 'GET', url: '/a', path: '/a', request_kind: 'segment', status: 404, bytes_out: '0' }
  feed.network({ ...row, id: '1', cause: 'injected', rule_id: 'rule-1', fault_type: '404' })
  feed.network({ ...row, id: '2', cause: '' })
  expect(feed.marks.all.map(({ text }) => text)).toEqual(['rule-1 fired: 404 on segment'])
  expect(feed.requests.all).toHaveLength(2)
})

it('keeps what is asked when it starts over, and forgets it for another player', () => {
  const feed = new SessionFeed()
  feed.link.assume(5)
  feed.clear()
  feed.event(event(1))
  expect(feed.link.samples.columns.asked).toEqual([5])
  feed.reset()
  feed.event(event(1))
  expect(feed.link.samples.columns.asked).toEqual([undefined])
})

it('follows the steps of a pattern in what is asked, and comes back to the link when it ends', () => {
  const feed = new SessionFeed()
  const control = (second: number, name: string, info: object) =>
    feed.control({ ts: at(second), id: String(second), event: name, info: JSON.stringify(info) })
  const pattern = { template: 'ramp_up' }
  control(1, 'shaper_config_change', { asked: { rate_mbps: 5, pattern }, in_force_rate_mbps: 5 })
  control(2, 'pattern_step', { step: 1, mode: 'ramp_up', rate_mbps: 1.05, duration_s: 6, asked: {} })
  const step = { step: 2, mode: 'ramp_up', duration_s: 6, asked: { stall: true }, previous_measured_mbps: 1.01 }
  control(3, 'pattern_step', step)
  control(4, 'pattern_step', { ...step, rate_mbps: 9, refused: 'busy' })
  control(5, 'pattern_disabled', { mode: 'ramp_up', finished: true })
  expect(feed.link.samples.columns.asked).toEqual([1.05, null, 5])
  expect(feed.marks.all.map(({ text }) => text)).toEqual([
    'Link set to 5.00 Mbit/s',
    'Step 1 of ramp up: 1.05 Mbit/s',
    'Step 2 of ramp up: stalled; the step before carried 1.01 Mbit/s',
    'Step 2 of ramp up was refused: busy',
    'Pattern ramp up played its round',
  ])
})

it('asks for what a preset asks', () => {
  const feed = new SessionFeed()
  feed.link.rateOfPreset = (name) => (name === 'wpt/3g' ? 1.6 : null)
  const info = '{"asked":{"preset":"wpt/3g"},"in_force_rate_mbps":1.6}'
  feed.control({ ts: at(1), id: '1', event: 'shaper_config_change', info })
  expect(feed.link.samples.columns.asked).toEqual([1.6])
  expect(feed.marks.all[0]?.text).toBe('Link set to 1.60 Mbit/s')
})

it('says what a machine left out of what was asked', () => {
  const feed = new SessionFeed()
  const left_out = [
    { knob: 'loss_pct', value: 1, reason: 'paced' },
    { knob: 'uplink/delay_ms', value: 75, reason: 'paced' },
  ]
  const info = JSON.stringify({ asked: { rate_mbps: 3, partial: true }, in_force_rate_mbps: 3, left_out })
  feed.control({ ts: at(1), id: '1', event: 'shaper_config_change', info })
  expect(feed.marks.all[0]?.text).toBe('Link set to 3.00 Mbit/s; left out: loss, uplink delay')
})

it('makes one band of the two ends of a window in which packets are struck', () => {
  const feed = new SessionFeed()
  feed.control({ ts: at(1), id: '1', event: 'fault_on', info: '{"type":"drop"}' })
  feed.control({ ts: at(4), id: '2', event: 'fault_off', info: '{"type":"drop","packets":17,"finished":true}' })
  expect(feed.marks.all).toEqual([
    { id: 'struck-1', kind: 'struck', at: Date.parse(at(1)), until: Date.parse(at(4)), text: 'Packets dropped: 17' },
  ])
})

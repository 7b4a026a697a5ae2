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
  expect(feed.samples.columns.inForce).toEqual([null, 2.9, 2.9])
  expect(feed.samples.columns.asked).toEqual([undefined, 3, 3])
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
  feed.assumeAsked(5)
  feed.clear()
  feed.event(event(1))
  expect(feed.samples.columns.asked).toEqual([5])
  feed.reset()
  feed.event(event(1))
  expect(feed.samples.columns.asked).toEqual([undefined])
})

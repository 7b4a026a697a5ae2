import { describe, expect, it } from 'vitest'

import type { FeedRecord } from '@/api/schema'
import { requestOf } from '@/features/waterfall/request'

import { playerOf, rowOf } from './records'
import { SessionFeed } from './sessionFeed'

const who = { player_id: 'p', player_name: 'big tv', session_id: 's', play_id: 'x', attempt_id: 2 }
const record = (position: string, body: object) =>
  ({ position, ts: '2026-03-01T10:00:01.000Z', body }) as unknown as FeedRecord

const exchange = record('18446744073709551615', {
  exchange: {
    who,
    started_at: '2026-03-01T10:00:00.400Z',
    request: {
      method: 'GET',
      http_version: 'HTTP/1.1',
      url: '/ad/s1.ts?x=1',
      kind: 'segment',
      known: 'declared',
      variant: { rung: 1, bandwidth: 2_500_000, resolution: '1280x720', uri: 'v1' },
      presentation: { path: '/ad.m3u8', role: 'interstitial' },
      headers: [],
      body_bytes: 0,
    },
    origin: {
      name: 'demo',
      url: 'http://a/ad/s1.ts',
      status: 200,
      headers: [],
      reused: true,
      ttfb_ms: 5,
      body_bytes: 9,
    },
    answer: { status: 404, headers: [], content_type: 'text/plain', body_bytes: 9, complete: true },
    remarks: ['identity_removed'],
    timing: { client_wait_ms: 10, transfer_ms: 20, total_ms: 600 },
    cause: 'injected',
    fault: { rule_id: 'rule-1', type: '404', action: 'answer', category: 'http' },
    link: { connection: 1, earlier_exchanges: 0 },
  },
})
const action = record('7', {
  action: {
    who,
    source: 'proxy',
    kind: { event: 'origin_left', info: { host: 'http://b', setting: '--origin-hosts b' } },
  },
})

describe('a record of the feed', () => {
  it('is the row that the archive has of an exchange', () => {
    const { stream, row } = rowOf(exchange)
    expect([stream, row.id, row.player_id, row.player_name]).toEqual(['network', '18446744073709551615', 'p', 'big tv'])
    expect(requestOf(row)).toMatchObject({
      path: '/ad/s1.ts',
      rung: '720p 2.5',
      known: 'declared',
      presentation: { path: '/ad.m3u8', role: 'interstitial' },
      remarks: ['identity_removed'],
      cause: 'injected',
      ruleId: 'rule-1',
      faultType: '404',
      bytes: 9,
      totalMs: 600,
      start: Date.parse('2026-03-01T10:00:00.400Z'),
    })
  })

  it('is an action, with its info as the archive writes it', () => {
    const feed = new SessionFeed()
    feed.take(rowOf(action))
    feed.take(rowOf(action))
    expect(feed.marks.all).toMatchObject([{ id: 'control-7', kind: 'unseen', setting: '--origin-hosts b' }])
  })

  it('is a report, with what the link did in the second before', () => {
    const link = { effective_rate_limit_mbps: 3, rtt_ms: 12, retransmits: 4, wire_down_mbps: { mean: 2.5, max: 3 } }
    const player = { buffer_depth_s: 9, last_event: 'stall_start' }
    const feed = new SessionFeed()
    feed.take(rowOf(record('8', { sample: { who, player, rig: { effective_rate_limit_mbps: 3, link } } })))
    expect(feed.samples.columns.buffer).toEqual([9])
    expect(feed.link.samples.columns).toMatchObject({ inForce: [3], rtt: [12], repeated: [4], wire: [2.5] })
    expect(feed.marks.all.map(({ kind }) => kind)).toEqual(['stall'])
  })

  it('says how many were lost, which concerns everybody', () => {
    const gap = record('9', { gap: { from: '1', to: '9', lost: 9 } })
    expect([playerOf(exchange), playerOf(action), playerOf(gap)]).toEqual(['p', 'p', undefined])
    const feed = new SessionFeed()
    feed.take(rowOf(gap))
    expect(feed.marks.all.map(({ text }) => text)).toEqual(['9 records were lost'])
  })
})

it('notes what the player is called, and the label that it had last', () => {
  const feed = new SessionFeed()
  feed.take(rowOf(exchange))
  expect(feed.names.value).toEqual({ player_name: 'big tv', label: '' })
  const labelled = (position: string, labels: object) =>
    rowOf(record(position, { action: { who, source: 'harness', kind: { event: 'label_changed', info: { labels } } } }))
  feed.take(labelled('10', { name: 'hall' }))
  expect(feed.names.value).toEqual({ player_name: 'big tv', label: 'hall' })
  feed.take(labelled('11', {}))
  expect(feed.names.value.label).toBe('')
})

it('notes the presentations that requests belong to, each once', () => {
  const feed = new SessionFeed()
  feed.take(rowOf(exchange))
  feed.take(rowOf(exchange))
  expect(feed.presentations.value).toEqual([{ path: '/ad.m3u8', role: 'interstitial' }])
  expect(feed.requests.all).toHaveLength(1)
})

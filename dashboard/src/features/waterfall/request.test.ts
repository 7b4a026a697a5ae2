import { describe, expect, it } from 'vitest'

import type { NetworkRow } from '@/api/schema'

import { remarkSentence } from './remarks'
import { requestOf, shortPath, unseenIn } from './request'

const row = (more: Partial<NetworkRow>): NetworkRow => ({
  ts: '2026-03-01T10:00:01.000000Z',
  id: '18446744073709551615',
  method: 'GET',
  url: '/live/v5/seg-1.m4s?x=1',
  path: '/live/v5/seg-1.m4s',
  request_kind: 'segment',
  status: 200,
  bytes_out: '250000',
  ...more,
})

describe('a request of the waterfall', () => {
  it('begins when its head came, not when it was recorded', () => {
    const request = requestOf(row({ started_at: '2026-03-01T10:00:00.400000Z', total_ms: 600 }))
    expect(request.end - request.start).toBe(600)
    expect(request.start).toBe(Date.parse('2026-03-01T10:00:00.400Z'))
    expect(requestOf(row({ total_ms: 600 })).start).toBe(Date.parse('2026-03-01T10:00:00.400Z'))
  })

  it('has phases that follow each other and add up to the whole', () => {
    const phases = (more: Partial<NetworkRow>) => requestOf(row(more)).phases.map(({ name, ms }) => [name, ms])
    expect(phases({ ttfb_ms: 40, client_wait_ms: 50, total_ms: 600 })).toEqual([
      ['origin', 40],
      ['held', 10],
      ['transfer', 550],
    ])
    expect(phases({ ttfb_ms: null, client_wait_ms: 2, total_ms: 2 })).toEqual([['held', 2]])
    expect(phases({ ttfb_ms: 900, client_wait_ms: 50, total_ms: 60 })).toEqual([
      ['origin', 50],
      ['transfer', 10],
    ])
  })

  it('keeps a 64-bit id as text, reads bytes from text, and names only causes it knows', () => {
    const request = requestOf(row({ cause: 'injected', rule_id: 'rule-1' }))
    expect([request.id, request.bytes, request.cause]).toEqual(['18446744073709551615', 250_000, 'injected'])
    expect(requestOf(row({ cause: '' })).cause).toBeNull()
  })

  it('shows rung and path in the least that tells them apart', () => {
    expect(requestOf(row({ variant_resolution: '1280x720', variant_bandwidth: '2500000' })).rung).toBe('720p 2.5')
    expect(shortPath('/a/b/live/v5/seg-1.m4s?x=1')).toBe('v5/seg-1.m4s')
  })

  it('knows how its kind is known and which presentation it belongs to, and nothing of it in older rows', () => {
    const request = requestOf(row({ request_known: 'guessed', presentation: '/m.m3u8', presentation_role: 'other' }))
    expect([request.known, request.presentation]).toEqual(['guessed', { path: '/m.m3u8', role: 'other' }])
    expect(requestOf(row({}))).toMatchObject({ known: '', presentation: null, remarks: [], unread: '' })
  })

  it('says what the rig does not see of it', () => {
    const unseen = (more: Partial<NetworkRow>) => unseenIn(requestOf(row(more)))
    expect(unseen({ remarks: ['playlist_unread'], playlist_unread: 'it broke off' })).toEqual([
      'This playlist was not read: it broke off.',
    ])
    expect(unseen({ remarks: ['origin_left', 'identity_removed'] })).toHaveLength(1)
    expect(unseen({ request_known: 'guessed' })[0]).toContain('guessed')
    expect(unseen({ request_known: 'declared', remarks: ['cors_refused'] })).toEqual([])
  })
})

it('says each remark as a sentence, also one that it does not know', () => {
  expect(remarkSentence('cors_refused')).toBe('The origin does not let the page read this answer.')
  expect(remarkSentence('newer_than_this')).toBe('newer than this.')
})

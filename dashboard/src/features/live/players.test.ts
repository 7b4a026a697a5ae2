import { QueryClient } from '@tanstack/vue-query'
import { describe, expect, it } from 'vitest'

import type { PlayerRecord } from '@/api/schema'

import { compareRevisions, keys, merged, storePlayer } from './players'

function record(revision: string, rate: number, requests: number): PlayerRecord {
  return {
    id: 'p',
    display_id: 1,
    control_revision: revision,
    labels: {},
    fault_rules: [],
    shape: { rate_mbps: rate },
    transfer_timeouts: {},
    content: {},
    rule_counters: { r: { matched: requests, fired: 0, exhausted: false } },
    ladder: [],
    first_seen_at: '',
    last_seen_at: '',
  }
}

describe('a record of a player', () => {
  it('takes what was seen and keeps what can be patched while the revision is the same', () => {
    const after = merged(record('7', 5, 1), record('7', 9, 2), false)
    expect([after.shape.rate_mbps, after.rule_counters.r?.matched]).toEqual([5, 2])
  })

  it('takes everything with a newer revision and nothing with an older one', () => {
    expect(merged(record('9', 5, 1), record('10', 6, 2), false).shape.rate_mbps).toBe(6)
    expect(merged(record('10', 5, 1), record('9', 6, 2), false).shape.rate_mbps).toBe(5)
    expect(merged(record('10', 5, 1), record('9', 6, 2), true).shape.rate_mbps).toBe(5)
  })

  it('compares revisions as numbers, not as text', () => {
    expect(compareRevisions('10', '9')).toBeGreaterThan(0)
    expect(compareRevisions('a', 'b')).toBeGreaterThan(0)
    expect(compareRevisions('a', 'a')).toBe(0)
  })

  it('is the same record under whatever name a page asked for it', () => {
    const client = new QueryClient()
    client.setQueryData(keys.player('living-room'), record('1', 5, 1))
    storePlayer(client, record('2', 6, 1), true)
    expect(client.getQueryData<PlayerRecord>(keys.player('living-room'))?.control_revision).toBe('2')
  })
})

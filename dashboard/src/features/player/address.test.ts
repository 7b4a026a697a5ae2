import { describe, expect, it } from 'vitest'

import type { Info } from '@/api/schema'

import { bootstrapUrl, targetOf } from './address'

const info = {
  listen: { base_port: 30081 },
  origins: [
    { name: 'cdn', url: 'https://cdn.example/base/', default: false, playlists: [] },
    { name: 'demo', url: 'http://192.0.2.1:9', default: true, playlists: ['/live/master.m3u8'] },
  ],
} as unknown as Info

const id = { playerId: 'a', playId: 'b', attemptId: 2 }
const page = { protocol: 'http:', hostname: 'rig.example' }

describe('where a play begins', () => {
  it('is the default origin and its first playlist unless the address says more', () => {
    expect(targetOf(info, '', '')).toEqual({ origin: 'demo', path: '/live/master.m3u8' })
    expect(targetOf(info, 'cdn', '/x.m3u8')).toEqual({ origin: 'cdn', path: '/x.m3u8' })
  })

  it('finds the origin of an absolute address and refuses one that no origin serves', () => {
    expect(targetOf(info, '', 'https://cdn.example/base/a/b.m3u8?c=d')).toEqual({ origin: 'cdn', path: 'a/b.m3u8?c=d' })
    expect(targetOf(info, '', 'https://cdn.example.evil/base/a')).toContain('--origin')
  })

  it('says what is wrong', () => {
    expect(targetOf(info, 'nope', '')).toBe('No origin is called nope; there are cdn, demo')
    expect(targetOf(info, 'cdn', '')).toContain('path of a playlist')
    expect(targetOf({ ...info, origins: [] }, '', '')).toContain('--demo')
  })

  it('names player, play and attempt, and keeps the query of the playlist', () => {
    const url = bootstrapUrl(page, info, { origin: 'demo', path: '/live/master.m3u8?token=1' }, id)
    expect(url).toBe('http://rig.example:30081/demo/live/master.m3u8?token=1&player_id=a&play_id=b&attempt_id=2')
  })
})

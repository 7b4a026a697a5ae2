import { describe, expect, it } from 'vitest'

import type { Info } from '@/api/schema'

import { bootstrapUrl, chooseOrigin, isDash, offersOf, playableHere, targetOf } from './address'

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

  it('is where the rig says players’ ports are, when it is isolated', () => {
    const isolated = { ...info, listen: { ...info.listen, player_host: '198.51.100.2' } }
    const url = bootstrapUrl(page, isolated, { origin: 'demo', path: '/live/master.m3u8' }, id)
    expect(url).toBe('http://198.51.100.2:30081/demo/live/master.m3u8?player_id=a&play_id=b&attempt_id=2')
    const origin = chooseOrigin(isolated, 'demo')
    if (origin === undefined) throw new Error('the origin is there')
    expect(offersOf(page, isolated, origin, 'a').map((offer) => offer.url)).toEqual([
      'http://198.51.100.2:30081/demo/live/master.m3u8?player_id=a',
    ])
  })
})

describe('DASH', () => {
  const dash = { ...info, origins: info.origins.map((o) => ({ ...o, playlists: ['/a.mpd?x=1', '/b.m3u8', '/c.MPD'] })) }
  const origin = dash.origins[1]

  it('is told from its path, not from its query', () => {
    expect(['/a.mpd', '/a.MPD?token=1', '/a.m3u8?next=b.mpd', '/mpd', '/a.mpd/b.m3u8'].map(isDash)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
  })

  it('is never given to the player of this page', () => {
    expect(playableHere(origin)).toEqual(['/b.m3u8'])
    expect(targetOf(dash, 'demo', '')).toEqual({ origin: 'demo', path: '/b.m3u8' })
    expect(targetOf(dash, 'demo', '/a.mpd')).toContain('no DASH')
    expect(targetOf(dash, '', 'https://cdn.example/base/a.mpd')).toContain('no DASH')
    const only = { ...info, origins: [{ ...origin, playlists: ['/a.mpd'] }] } as unknown as Info
    expect(targetOf(only, '', '')).toContain('path of a playlist')
  })

  it('is offered to other players under the name of this one', () => {
    if (origin === undefined) throw new Error('the origin is there')
    expect(offersOf(page, dash, origin, 'a').map(({ url }) => url)).toEqual([
      'http://rig.example:30081/demo/a.mpd?x=1&player_id=a',
      'http://rig.example:30081/demo/b.m3u8?player_id=a',
      'http://rig.example:30081/demo/c.MPD?player_id=a',
    ])
  })
})

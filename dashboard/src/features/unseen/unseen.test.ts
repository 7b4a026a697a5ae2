import { describe, expect, it } from 'vitest'

import type { ControlRow, PlayerRecord } from '@/api/schema'

import { UNSEEN_EVENTS, unseenOf, unseenOfPlayer } from './unseen'

const row = (event: string, info: object, more: Partial<ControlRow> = {}): ControlRow => ({
  ts: '2026-03-01T10:00:00.000Z',
  id: '1',
  player_id: 'p',
  session_id: 's',
  event,
  info: JSON.stringify(info),
  ...more,
})
const said = (event: string, info: object, more: Partial<ControlRow> = {}) => unseenOf(row(event, info, more))!

describe('what the rig does not see', () => {
  it('names the line of configuration that keeps an origin in', () => {
    const left = said('origin_left', { host: 'http://other.example', setting: '--origin-hosts other.example' })
    expect(left.text).toContain('http://other.example')
    expect(left.setting).toBe('--origin-hosts other.example')
    expect(left.advice).toContain('start it with this as well')
  })

  it('says why where no setting keeps an origin in', () => {
    const full = said('origin_left', { host: 'http://a', setting: 'the session has 16 ports already' })
    expect([full.setting, full.advice]).toEqual([
      undefined,
      'No setting keeps them at the rig: the session has 16 ports already.',
    ])
    expect(said('origin_left', { host: 'http://u@' }).advice).toContain('names no origin')
  })

  it('says why a playlist was not read, and what that reason calls for', () => {
    const unread = (reason: string) => said('playlist_unread', { path: '/a.m3u8', reason })
    expect(unread('its content coding "lzw" is none that is read').text).toBe(
      '/a.m3u8 looks like a playlist and was not read: its content coding "lzw" is none that is read.',
    )
    expect(unread('its content coding "lzw" is none that is read').advice).toContain('gzip, deflate, br or zstd')
    expect(unread('it unpacks to more than the 16 MiB that are read').advice).toContain('shorter')
    expect(unread('the origin sent only bytes 0-9/100 of it').advice).toContain('without a range')
    expect(unread('nobody knows').advice).toContain('Look at what the origin sent')
  })

  it('has words for each of its actions, also where their info is lost', () => {
    for (const event of UNSEEN_EVENTS) {
      const lost = unseenOf({ ...row(event, {}), info: '{' })!
      expect(lost.text).toMatch(/\.$/)
      expect(lost.advice).not.toContain('undefined')
    }
    expect(unseenOf(row('session_start', {}))).toBeUndefined()
  })
})

it('stands in the session as long as it is so', () => {
  const unseen = [
    { at: '2026-03-01T10:00:00.000Z', event: 'playlists_unknown', info: { path: '/s1.ts' } },
    { at: '2026-03-01T10:00:05.000Z', event: 'origin_left', info: { host: 'http://a', setting: '' } },
  ]
  const player = (session: object | null) => ({ id: 'p', session }) as unknown as PlayerRecord
  expect(unseenOfPlayer(player({ unseen })).map(({ event }) => event)).toEqual(['origin_left', 'playlists_unknown'])
  expect(unseenOfPlayer(player(null))).toEqual([])
})

import { expect, it } from 'vitest'

import type { PlayerRecord } from '@/api/schema'

import type { Unseen } from './unseen'
import { unseenOfPlayer } from './useUnseen'

const player = (more: object = {}) =>
  ({ id: 'p', ladder: [], session: { id: 's' }, ...more }) as unknown as PlayerRecord
const unseen = (text: string, more: Partial<Unseen> = {}): Unseen => ({
  id: text,
  at: 10,
  playerId: 'p',
  sessionId: 's',
  event: 'origin_left',
  text,
  advice: '',
  ...more,
})

it('is what concerns the session that the player has now', () => {
  const all = [unseen('now'), unseen('before', { sessionId: 'old' }), unseen('other', { playerId: 'q' })]
  expect(unseenOfPlayer(all, player()).map(({ text }) => text)).toEqual(['now'])
  expect(unseenOfPlayer([unseen('no session', { sessionId: '' })], player())).toHaveLength(1)
  expect(unseenOfPlayer(all, player({ session: null }))).toEqual([])
})

it('is no longer the playlists, once the ladder is known', () => {
  const unknown = [unseen('playlists', { event: 'playlists_unknown' })]
  expect(unseenOfPlayer(unknown, player())).toHaveLength(1)
  expect(unseenOfPlayer(unknown, player({ ladder: [{}] }))).toEqual([])
  expect(unseenOfPlayer(unknown, player(), 11)).toEqual([])
})

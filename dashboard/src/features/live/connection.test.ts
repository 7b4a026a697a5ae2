import { expect, it } from 'vitest'

import { Refusal } from '@/api/http'
import type { StreamState } from '@/api/stream'

import { connectionOf, LOST_AFTER_MS } from './connection'

const down = (final = false): StreamState => ({ kind: 'down', reason: new Refusal(0, 'Gone', 'no answer'), final })
const at = new Date(2026, 2, 1, 10, 0, 5).getTime()

it('is live only while events arrive', () => {
  expect(connectionOf({ kind: 'open' }, undefined, at).kind).toBe('live')
  expect(connectionOf({ kind: 'connecting' }, undefined, at).kind).toBe('connecting')
})

it('reconnects for a while, and is then lost, both with the time since when', () => {
  expect(connectionOf(down(), at, at + LOST_AFTER_MS - 1)).toMatchObject({
    kind: 'reconnecting',
    text: 'reconnecting since 10:00:05',
    why: 'Gone: no answer. It is tried again every few seconds.',
  })
  expect(connectionOf(down(), at, at + LOST_AFTER_MS).text).toBe('lost since 10:00:05')
})

it('is lost at once where the rig refused for good', () => {
  expect(connectionOf(down(true), at, at)).toMatchObject({ kind: 'lost' })
  expect(connectionOf({ kind: 'ended' }, at, at).why).toContain('Load the page again')
})

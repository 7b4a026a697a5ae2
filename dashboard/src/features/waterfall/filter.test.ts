import { expect, it } from 'vitest'

import { readChoices, shows, writeChoices } from './filter'
import type { Request } from './request'

const request = (more: Partial<Request>) =>
  ({ cause: null, status: 200, kind: 'segment', known: 'declared', remarks: [], unread: '', ...more }) as Request

it('keeps the choice of labels in the address, both ways', () => {
  const text = 'warning=http_4xx,!info=*request_retry'
  expect([...readChoices(text)]).toEqual([
    ['warning=http_4xx', 'include'],
    ['info=*request_retry', 'exclude'],
  ])
  expect(writeChoices(readChoices(text))).toBe(text)
  expect(readChoices('').size).toBe(0)
})

it('tells injected requests from other problems', () => {
  expect(shows('injected', request({ cause: 'injected' }))).toBe(true)
  expect(shows('injected', request({ cause: 'origin', status: 502 }))).toBe(false)
  expect(
    [request({ status: 404 }), request({ cause: 'client' }), request({ status: 0 })].every((r) => shows('problems', r)),
  ).toBe(true)
  expect(shows('problems', request({}))).toBe(false)
})

it('shows alone what the rig does not see everything of', () => {
  for (const more of [
    { remarks: ['origin_left'] },
    { remarks: ['playlist_unread'], unread: 'it broke off' },
    { known: 'guessed' as const },
  ]) {
    expect(shows('unseen', request(more))).toBe(true)
  }
  expect(shows('unseen', request({ remarks: ['identity_removed'] }))).toBe(false)
  expect(shows('unseen', request({ known: 'guessed', kind: 'other' }))).toBe(false)
})

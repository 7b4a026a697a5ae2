import { expect, it } from 'vitest'

import type { Request } from './request'
import { RequestStore, totalsOf } from './requests'

const request = (id: string, start: number, more: Partial<Request> = {}) =>
  ({ id, start, bytes: 10, cause: null, status: 200, ...more }) as Request

it('holds each request once, in order of their start', () => {
  const store = new RequestStore()
  for (const [id, start] of [
    ['2', 20],
    ['1', 10],
    ['2', 20],
    ['3', 30],
  ] as const) {
    store.push(request(id, start))
  }
  expect(store.all.map(({ id }) => id)).toEqual(['1', '2', '3'])
})

it('lets the oldest go when it is full, and forgets that it knew them', () => {
  const store = new RequestStore(100)
  for (let i = 0; i < 500; i += 1) store.push(request(String(i), i))
  expect(store.all.length).toBeLessThanOrEqual(110)
  expect(store.all.at(-1)?.id).toBe('499')
  expect(Reflect.get(store, 'known')).toHaveProperty('size', store.all.length)
})

it('tells injected failures from real ones', () => {
  const totals = totalsOf([
    request('1', 1),
    request('2', 2, { cause: 'injected', status: 404 }),
    request('3', 3, { cause: 'client', status: 200 }),
    request('4', 4, { status: 500 }),
  ])
  expect(totals).toEqual({ requests: 4, bytes: 40, injected: 1, failed: 2 })
})

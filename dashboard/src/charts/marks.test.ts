import { expect, it } from 'vitest'

import { MarkStore } from './marks'

it('keeps marks in order and each once, the later word wins', () => {
  const store = new MarkStore()
  store.push({ id: 'b', kind: 'rule', at: 20, text: 'armed' })
  store.push({ id: 'a', kind: 'stall', at: 10, text: 'stalled' })
  store.push({ id: 'a', kind: 'stall', at: 10, until: 15, text: 'stalled 5 ms' })
  expect(store.all.map((mark) => [mark.id, mark.until])).toEqual([
    ['a', 15],
    ['b', undefined],
  ])
  expect(store.within({ from: 12, to: 14 }).map((mark) => mark.id)).toEqual(['a'])
})

it('steps from mark to mark', () => {
  const store = new MarkStore()
  for (const at of [10, 20, 30]) store.push({ id: String(at), kind: 'rate', at, text: '' })
  expect(store.step(20, 1)?.at).toBe(30)
  expect(store.step(20, -1)?.at).toBe(10)
  expect(store.step(30, 1)).toBeUndefined()
})

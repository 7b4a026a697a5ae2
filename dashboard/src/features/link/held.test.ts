import { effectScope, nextTick, ref } from 'vue'
import { expect, it } from 'vitest'

import { useHeld } from './held'

/** A field over a link that takes what `takes` says. */
function field(takes: (value: number | null) => boolean) {
  const own = ref<number | null>(null)
  const sent: (number | null)[] = []
  const scope = effectScope()
  const held = scope.run(() =>
    useHeld({
      asked: () => own.value,
      own: () => own.value,
      rest: () => 0,
      scale: () => ({ last: 10, stepOf: (value) => value, valueOf: (step) => step }),
      read: (typed) => (typed === '' ? null : Number.isFinite(Number(typed)) ? Number(typed) : 'no number'),
      again: () => false,
      apply: (value) => {
        sent.push(value)
        const taken = takes(value)
        if (taken) own.value = value
        return Promise.resolve(taken)
      },
    }),
  )
  if (!held) throw new Error('the scope is active')
  return { held, own, sent }
}

it('sends what was typed once, and nothing that is no number', async () => {
  const { held, sent } = field(() => true)
  held.typed.value = '5'
  await held.enter()
  await held.leave()
  held.typed.value = 'x'
  await held.enter()
  expect([sent, held.wrong.value]).toEqual([[5], 'no number'])
})

it('keeps what was refused in the field, and does not send it again when the field is left', async () => {
  const { held, sent } = field((value) => value !== 7)
  held.typed.value = '7'
  await held.enter()
  await held.leave()
  expect([held.typed.value, sent]).toEqual(['7', [7]])
  await held.enter()
  expect(sent).toEqual([7, 7])
  held.typed.value = '6'
  await held.leave()
  expect([held.typed.value, sent]).toEqual(['6', [7, 7, 6]])
})

it('shows what somebody else set meanwhile', async () => {
  const { held, own } = field(() => false)
  held.typed.value = '7'
  await held.enter()
  own.value = 3
  await nextTick()
  expect(held.typed.value).toBe('3')
})

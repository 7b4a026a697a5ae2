// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from 'vitest'
import { effectScope } from 'vue'

import { useShortcuts } from './shortcuts'

const scope = effectScope()
const press = (key: string) => {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true })
  document.body.dispatchEvent(event)
  return event
}

afterEach(() => (document.body.innerHTML = ''))

it('takes a key of the page, the newest owner first', () => {
  const [page, panel] = [vi.fn(), vi.fn()]
  scope.run(() => useShortcuts({ Escape: page }))
  const inner = effectScope()
  inner.run(() => useShortcuts({ Escape: panel }))
  expect(press('Escape').defaultPrevented).toBe(true)
  inner.stop()
  press('Escape')
  expect([page.mock.calls.length, panel.mock.calls.length]).toEqual([1, 1])
})

it('leaves every key to what is open over the page', () => {
  const page = vi.fn()
  scope.run(() => useShortcuts({ Escape: page, l: page }))
  document.body.innerHTML = '<div data-dismissable-layer></div>'
  expect([press('Escape').defaultPrevented, press('l').defaultPrevented]).toEqual([false, false])
  expect(page).not.toHaveBeenCalled()
})

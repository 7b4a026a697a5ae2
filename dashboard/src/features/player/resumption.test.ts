import { expect, it } from 'vitest'

import { Resumption } from './resumption'

it('begins again when the rig is back, once', () => {
  const play = new Resumption()
  play.leave(true)
  expect(play.fail()).toBe(false)
  expect(play.isWaiting).toBe(true)
  expect(play.comeBack()).toBe(true)
  expect([play.isWaiting, play.comeBack(), play.isOverdue(true)]).toEqual([false, false, false])
})

it('leaves what fails while the rig is there as it is', () => {
  const play = new Resumption()
  expect(play.fail()).toBe(false)
  play.leave(false)
  expect(play.comeBack()).toBe(false)
})

it('begins again where the play fails only after the rig came back, until it got something', () => {
  const play = new Resumption()
  play.leave(true)
  expect(play.comeBack()).toBe(false)
  expect(play.fail()).toBe(true)
  play.begin()
  play.leave(true)
  play.comeBack()
  play.advance()
  expect(play.fail()).toBe(false)
})

it('does not take what was buffered, and plays on while the rig is away, for a sign of life', () => {
  const play = new Resumption()
  play.leave(true)
  play.advance()
  play.comeBack()
  expect(play.isOverdue(false)).toBe(false)
  expect(play.isOverdue(true)).toBe(true)
})

it('waits for nothing that the viewer ended', () => {
  const play = new Resumption()
  play.leave(true)
  play.begin()
  expect([play.comeBack(), play.isOverdue(true)]).toEqual([false, false])
})

import { describe, expect, it } from 'vitest'

import { mergePatch } from '@/api/mergePatch'
import type { TransportFault } from '@/api/schema'

import { draftOf, faultOf, phaseOf, sentenceOf } from './fault'

describe('a transport fault', () => {
  it.each<[TransportFault, string]>([
    [{ type: 'drop', mode: 'seconds', consecutive: 3, frequency: 0 }, 'Drop what the player sends for 3 seconds, once'],
    [
      { type: 'reject', mode: 'packets', consecutive: 1, frequency: 10 },
      'Reset what the player sends for 1 packet, then pause 10 seconds, again and again',
    ],
    [
      { type: 'drop', mode: 'seconds', consecutive: 0, frequency: 0 },
      'Drop what the player sends until it is taken back',
    ],
  ])('comes out as it went in, and says what it does: %j', (fault, words) => {
    const made = faultOf(draftOf(fault))
    expect(typeof made === 'string' ? made : mergePatch(fault, made)).toBeUndefined()
    expect(sentenceOf(fault)).toBe(words)
  })

  it('says what is wrong before it is sent', () => {
    const draft = draftOf(undefined)
    expect(faultOf({ ...draft, consecutive: 0 })).toContain('from 1 to 1000000 seconds')
    expect(faultOf({ ...draft, consecutive: '' })).toContain('whole numbers')
    expect(faultOf({ ...draft, frequency: 86_401 })).toContain('The pause is from 0 to 86400 seconds')
    expect(faultOf({ ...draft, held: true, consecutive: '' })).toMatchObject({ consecutive: 0 })
  })
})

it('tells the phases of its windows apart', () => {
  const view = { type: 'drop', active: false, packets: 0, windows: 1, exhausted: false } as const
  expect([
    phaseOf({ ...view, active: true }),
    phaseOf(view),
    phaseOf({ ...view, exhausted: true }),
    phaseOf({ ...view, active: true, refused: 'busy' }),
  ]).toEqual(['open', 'pause', 'spent', 'refused'])
})

import { describe, expect, it } from 'vitest'

import { mergePatch } from './mergePatch'

type Document = { [key: string]: unknown }

describe('a merge patch', () => {
  const cases: [string, Document, Document, Document | undefined][] = [
    ['names nothing when nothing changes', { a: 1, b: { c: [1] } }, { a: 1, b: { c: [1] } }, undefined],
    ['takes absent and null for the same', { a: null }, {}, undefined],
    ['names what is new and what is other', { a: 1, b: 2 }, { a: 1, b: 3, c: 4 }, { b: 3, c: 4 }],
    ['removes with null', { a: 1, b: { c: 1, d: 2 } }, { b: { d: 2 } }, { a: null, b: { c: null } }],
    ['replaces a list as a whole', { a: [{ x: 1 }, { x: 2 }] }, { a: [{ x: 1 }] }, { a: [{ x: 1 }] }],
    ['sees a change within an item of a list', { a: [{ x: 1 }] }, { a: [{ x: 1, y: 2 }] }, { a: [{ x: 1, y: 2 }] }],
    ['replaces what changes its kind', { a: { b: 1 } }, { a: 1 }, { a: 1 }],
  ]
  it.each(cases)('%s', (_, from, to, patch) => {
    expect(mergePatch(from, to)).toEqual(patch)
  })
})

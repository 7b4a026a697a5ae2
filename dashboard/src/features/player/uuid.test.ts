import { expect, it } from 'vitest'

import { newUuid, uuidOf } from './uuid'

it('makes UUIDs of version 4', () => {
  expect(uuidOf(new Uint8Array(16))).toBe('00000000-0000-4000-8000-000000000000')
  expect(uuidOf(new Uint8Array(16).fill(255))).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff')
  expect(newUuid()).not.toBe(newUuid())
})

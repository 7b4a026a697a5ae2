import { expect, it } from 'vitest'

import { isMeant, nameOf } from './names'

const player = {
  id: 'be6c7928-651b-52f0-922c-6e47a0490082',
  display_id: 7,
  labels: { name: 'Living room' },
  player_name: 'bigtv',
}

it('shows the label, else what the player calls itself, else its id', () => {
  expect(nameOf(player)).toBe('Living room')
  expect(nameOf({ ...player, labels: {} })).toBe('bigtv')
  expect(nameOf({ ...player, labels: {}, player_name: null })).toBe('be6c7928')
})

it('finds a player by any of its names, whatever the case', () => {
  for (const search of ['LIVING', 'bigTV', 'be6c7928-651b', '7', ' room ', ''])
    expect(isMeant(player, search)).toBe(true)
  for (const search of ['kitchen', '77']) expect(isMeant(player, search)).toBe(false)
})

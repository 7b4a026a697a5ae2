// One visit to the page `testing-session`: chooses a preset that the machine can do a part of, and tells what is shown.
//
//   node partial-link.mjs CHROMIUM ADDRESS PICTURES
//
// PICTURES is how the names of the pictures begin.

import { tell } from './tell.mjs'
import { at, cap, play, says } from './visitor.mjs'

const PRESET = 'lighthouse/mobile-slow-4g'

const [executable, address, pictures] = process.argv.slice(2)

async function visit(page, both) {
  await play(page, address)
  const player_id = await at(page, 'player-id').getAttribute('data-value')
  await cap(page, 3)
  const before = await says(page, 'partial', 'state', 'unchecked')

  await at(page, 'preset').click()
  const offered = await at(page, `preset-${PRESET}`).innerText()
  const impossible = await at(page, 'preset-apple/100-percent-loss').getAttribute('data-disabled')
  await both('choice')
  await at(page, `preset-${PRESET}`).click()
  const after = await says(page, 'partial', 'state', 'checked')
  const in_force = await says(page, 'rate-in-force', 'value', '1.6384')
  const left_out = await at(page, 'left-out').innerText()
  await both('link')
  await at(page, 'direction-uplink').click()
  const uplink = await at(page, 'knob-uplink-delay_ms').innerText()
  await both('uplink')

  await at(page, 'partial').click()
  const refused = await at(page, 'preset-error').innerText()
  const still = await says(page, 'partial', 'state', 'checked')
  await at(page, 'link-reset').click()
  const reset = await says(page, 'partial', 'state', 'unchecked')
  const switches = [before, after, still, reset]
  return { player_id, offered, impossible: impossible !== null, in_force, left_out, uplink, refused, switches }
}

await tell(executable, pictures, visit)

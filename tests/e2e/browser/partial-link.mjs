// One visit to the page `testing-session`: chooses a preset that the machine can do a part of, and tells what is shown.
//
//   node partial-link.mjs CHROMIUM ADDRESS PICTURES
//
// The output is what was seen, as JSON; judging it is for the caller. PICTURES is how the names of the pictures begin.

import { withPage } from './chromium.mjs'
import { at, cap, play, says } from './visitor.mjs'

const PRESET = 'lighthouse/mobile-slow-4g'

const [executable, address, pictures] = process.argv.slice(2)
const picture = (page, name) => page.screenshot({ path: `${pictures}-${name}.png`, fullPage: true })

async function both(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    await picture(page, `${name}-${colorScheme}`)
  }
}

async function visit(page) {
  await play(page, address)
  const player_id = await at(page, 'player-id').getAttribute('data-value')
  await cap(page, 3)
  const before = await says(page, 'partial', 'state', 'unchecked')

  await at(page, 'preset').click()
  const offered = await at(page, `preset-${PRESET}`).innerText()
  const impossible = await at(page, 'preset-apple/100-percent-loss').getAttribute('data-disabled')
  await both(page, 'choice')
  await at(page, `preset-${PRESET}`).click()
  const after = await says(page, 'partial', 'state', 'checked')
  const in_force = await says(page, 'rate-in-force', 'value', '1.6384')
  const left_out = await at(page, 'left-out').innerText()
  await both(page, 'link')
  await at(page, 'direction-uplink').click()
  const uplink = await at(page, 'knob-uplink-delay_ms').innerText()
  await both(page, 'uplink')

  await at(page, 'partial').click()
  const refused = await at(page, 'preset-error').innerText()
  const still = await says(page, 'partial', 'state', 'checked')
  await at(page, 'link-reset').click()
  const reset = await says(page, 'partial', 'state', 'unchecked')
  const switches = [before, after, still, reset]
  return { player_id, offered, impossible: impossible !== null, in_force, left_out, uplink, refused, switches }
}

const seen = await withPage(executable, async (page) => {
  const errors = []
  page.on('pageerror', (error) => errors.push(String(error)))
  try {
    return { ...(await visit(page)), errors }
  } catch (error) {
    await picture(page, 'failed')
    throw error
  }
})
process.stdout.write(`${JSON.stringify(seen)}\n`)

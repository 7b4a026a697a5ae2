// One visit to the page `testing-session`: watches the demo stream, sets a cap, arms a rule, and tells what was seen.
//
//   node testing-session.mjs CHROMIUM ADDRESS PICTURES
//
// The output is what was seen, as JSON; judging it is for the caller. PICTURES is how the names of the pictures begin.

import { withPage } from './chromium.mjs'
import { armRule, at, cap, play, plays, segmentsStruck, watchRequests } from './visitor.mjs'

const [executable, address, pictures] = process.argv.slice(2)
const picture = (page, name) => page.screenshot({ path: `${pictures}-${name}.png`, fullPage: true })

async function visit(page) {
  const plays_after_ms = await play(page, address)
  const player_id = await at(page, 'player-id').getAttribute('data-value')
  const top_mbps = await plays(page, 7.9, 8.1)
  // The cap comes first, because hls.js also leaves a rung that answers 404.
  const in_force = await cap(page, 1)
  const capped_mbps = await plays(page, 0.1, 3)
  await watchRequests(page)
  const rule_id = await armRule(page)
  const segments = await segmentsStruck(page, rule_id, 3)
  await picture(page, 'light')
  await page.emulateMedia({ colorScheme: 'dark' })
  await picture(page, 'dark')
  return { plays_after_ms, player_id, top_mbps, rule_id, segments, in_force, capped_mbps }
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

// One visit to the page `testing-session`: watches the demo stream, sets a cap, arms a rule, and tells what was seen.
//
//   node testing-session.mjs CHROMIUM ADDRESS PICTURES
//
// PICTURES is how the names of the pictures begin.

import { tell } from './tell.mjs'
import { armRule, at, cap, play, plays, segmentsStruck, watchRequests } from './visitor.mjs'

const [executable, address, pictures] = process.argv.slice(2)

async function visit(page, both) {
  const plays_after_ms = await play(page, address)
  const player_id = await at(page, 'player-id').getAttribute('data-value')
  const top_mbps = await plays(page, 7.9, 8.1)
  // The cap comes first, because hls.js also leaves a rung that answers 404.
  const in_force = await cap(page, 1)
  const capped_mbps = await plays(page, 0.1, 3)
  await watchRequests(page)
  const rule_id = await armRule(page)
  const segments = await segmentsStruck(page, rule_id, 3)
  await both('playing')
  return { plays_after_ms, player_id, top_mbps, rule_id, segments, in_force, capped_mbps }
}

await tell(executable, pictures, visit)

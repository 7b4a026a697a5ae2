// A visit to the page of a player: narrows a rule to hosts, a presentation and a rung, and another one to preflights.
//
//   node narrow-rule.mjs CHROMIUM ADDRESS PICTURES PLAYER

import { tell } from './tell.mjs'
import { at } from './visitor.mjs'

const [executable, address, pictures, player] = process.argv.slice(2)
const check = (page, id) => at(page, id).setChecked(true, { force: true })

async function visit(page, both) {
  await page.goto(`${address}/dashboard/v3/testing-session?player_id=${player}`)
  await at(page, 'rule-narrow').click()
  await check(page, 'rule-host-edge')
  await at(page, 'rule-hosts').fill('*.cdn.example')
  await check(page, 'rule-role-primary')
  await check(page, 'rule-path-/master.m3u8')
  await at(page, 'rule-paths').fill('/ads/*')
  await check(page, 'rule-rung-top')
  await both('narrowed')
  const sentence = await armed(page, 0)

  // The form begins anew with the page.
  await page.reload()
  await at(page, 'rule-kinds-more').click()
  await at(page, 'rule-kind-segment').setChecked(false, { force: true })
  await check(page, 'rule-kind-preflight')
  const preflights = await armed(page, 1)
  return { sentences: [sentence, preflights] }
}

/** Arms what the form has; what the list then says of it. */
async function armed(page, place) {
  await at(page, 'rule-add').click()
  return at(page, 'rule-row').nth(place).innerText()
}

await tell(executable, pictures, visit)

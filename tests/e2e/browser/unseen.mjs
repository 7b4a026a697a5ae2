// Two visits to a rig that does not see everything: the list of players, and the page of one of them.
//
//   node unseen.mjs CHROMIUM ADDRESS PICTURES REQUESTS
//
// REQUESTS is how many the player has made. PICTURES is how the names of the pictures begin.

import { tell } from './tell.mjs'
import { at, says } from './visitor.mjs'

const [executable, address, pictures, requests] = process.argv.slice(2)

async function visit(page, both) {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.goto(`${address}/dashboard/v3/`)
  await page.locator('[data-testid=player-row]:not([data-unseen="0"])').waitFor()
  const listed = await players(page)
  await both('players')
  const found = []
  for (const search of ['LIVING', 'bigtv', 'kitchen', 'nobody']) {
    await at(page, 'player-search').fill(search)
    await page.waitForURL((url) => url.searchParams.get('name') === search)
    found.push((await players(page)).map(({ name }) => name))
  }
  await both('no-match')

  await at(page, 'player-search').fill('')
  await page.getByRole('link', { name: 'Living room' }).click()
  await at(page, 'unseen').waitFor()
  const source = await at(page, 'testing-session').getAttribute('data-source')
  const name = await at(page, 'player-name').innerText()
  const own_name = await at(page, 'player-own-name').innerText()
  const device = await at(page, 'device-family').innerText()
  const canonical = await copied(page, 'player-id-copy')
  const ports = await at(page, 'session-port-row').allInnerTexts()
  const notice = await at(page, 'unseen-item').allInnerTexts()
  const setting = await copied(page, 'unseen-copy')
  const events = await at(page, 'event-row').and(page.locator('[data-kind=unseen]')).allInnerTexts()

  await says(page, 'waterfall', 'rows', requests)
  await at(page, 'show-unseen').click()
  const marked = await at(page, 'request-row').evaluateAll((rows) =>
    rows.map((row) => `${row.querySelector('.path').textContent} ${row.querySelectorAll('[data-testid=unseen-mark]').length}`),
  )
  // The mark before the edge of time, in words.
  await page.keyboard.press(',')
  const spoken = await at(page, 'spoken').innerText()
  const details = []
  for (const row of await at(page, 'request-row').all()) {
    await row.click()
    details.push(await at(page, 'request-detail').innerText())
  }
  await both('session')
  return { listed, found, source, name, own_name, device, canonical, ports, notice, setting, events, marked, spoken, details }
}

function players(page) {
  return at(page, 'player-row').evaluateAll((rows) =>
    rows.map((row) => ({ name: row.querySelector('a').textContent.trim(), unseen: Number(row.dataset.unseen) })),
  )
}

/** What the first of these buttons put on the clipboard. */
async function copied(page, id) {
  await at(page, id).first().click()
  await at(page, id).first().getByText('Copied').waitFor()
  return page.evaluate(() => navigator.clipboard.readText())
}

await tell(executable, pictures, visit)

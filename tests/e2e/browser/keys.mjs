// A visit to the page `testing-session`: Escape closes whatever is open and gives the focus back, and the state of the
// connection is in view wherever one scrolls.
//
//   node keys.mjs CHROMIUM ADDRESS PICTURES

import { tell } from './tell.mjs'
import { at, connection, play } from './visitor.mjs'

const [executable, address, pictures] = process.argv.slice(2)
const LISTS = ['origin', 'preset', 'rule-type']

async function visit(page, both) {
  await play(page, address)
  const lists = {}
  for (const id of LISTS) {
    await at(page, id).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('listbox').waitFor()
    lists[id] = await escaped(page, 'listbox', id)
    await at(page, id).click()
    await page.getByRole('listbox').waitFor()
    lists[`${id}, by the pointer`] = await escaped(page, 'listbox', id)
  }
  await at(page, 'load').focus()
  await page.keyboard.press('?')
  await page.getByRole('dialog').waitFor()
  await both('keys')
  const dialog = await escaped(page, 'dialog', 'load')

  await at(page, 'request-row').first().click()
  await at(page, 'request-detail').waitFor()
  await page.keyboard.press('Escape')
  await at(page, 'request-detail').waitFor({ state: 'detached' })
  const detail = await page.evaluate(() => document.activeElement.getAttribute('aria-label'))

  const in_view = []
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 })
    in_view.push(await connection(page))
    await page.screenshot({ path: `${pictures}-scrolled-${width}.png` })
  }
  return { lists, dialog, detail, in_view }
}

/** Presses Escape; whether what was open is closed, and its opener has the focus. */
async function escaped(page, role, opener) {
  await page.keyboard.press('Escape')
  await page.getByRole(role).waitFor({ state: 'detached' })
  await page.waitForFunction((id) => document.activeElement?.dataset.testid === id, opener)
  return true
}

await tell(executable, pictures, visit)

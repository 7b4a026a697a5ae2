// Takes the picture of the README from a running rig: a capped player that meets a 404 now and then.
//
//   node screenshot.mjs CHROMIUM ADDRESS FILE

import { withPage } from './chromium.mjs'
import { armRule, at, cap, play, plays, segmentsStruck, watchRequests } from './visitor.mjs'

const [executable, address, path] = process.argv.slice(2)
const SIZE = { width: 1600, height: 1780 }

/** Waits until the waterfall holds so many. */
const requests = (page, count) =>
  page.waitForFunction(
    (count) => Number(document.querySelector('[data-testid=waterfall]')?.dataset.rows) >= count,
    count,
  )

await withPage(
  executable,
  async (page) => {
    await play(page, address)
    await at(page, 'span-60').click()
    await plays(page, 7.9, 8.1)
    await requests(page, 60)
    await cap(page, 1)
    await plays(page, 0.1, 3)
    await watchRequests(page)
    const rule = await armRule(page)
    await segmentsStruck(page, rule, 3)
    await page.evaluate(() => {
      document.activeElement?.blur()
      scrollTo(0, 0)
    })
    await page.screenshot({ path })
  },
  { viewport: SIZE, deviceScaleFactor: 0.8 },
)

// Takes the picture of the README from a running rig: a player that meets a 404 now and then, and then a cap. Takes a minute.
//
//   node screenshot.mjs CHROMIUM ADDRESS FILE

import { withPage } from './chromium.mjs'
import { armRule, at, cap, play, plays, segmentsFrom, watchRequests } from './visitor.mjs'

const [executable, address, path] = process.argv.slice(2)
const SIZE = { width: 1600, height: 1120 }

await withPage(
  executable,
  async (page) => {
    await play(page, address)
    await at(page, 'span-60').click()
    await plays(page, 7.9, 8.1)
    await watchRequests(page)
    const rule = await armRule(page)
    await segmentsFrom(page, rule, 12)
    await cap(page, 2)
    await plays(page, 0.1, 3)
    await segmentsFrom(page, rule, 26)
    await page.evaluate(() => {
      document.activeElement?.blur()
      scrollTo(0, 0)
    })
    await page.screenshot({ path })
  },
  { viewport: SIZE, deviceScaleFactor: 0.8 },
)

// A visit to the page `testing-session` during which the rig goes away and comes back.
//
//   node rig-away.mjs CHROMIUM ADDRESS PICTURES
//
// Says `plays` when the rig may go, and `ended` when playback ended for it and the rig may come back.

import { tell } from './tell.mjs'
import { at, connection, play, says } from './visitor.mjs'

const [executable, address, pictures] = process.argv.slice(2)
const ENDS_WITHIN_MS = 90_000
const RESUMES_WITHIN_MS = 30_000

async function visit(page, both) {
  await play(page, address)
  const video = at(page, 'player-video')
  const before = await says(page, 'connection', 'state', 'live')
  const play_id = await video.getAttribute('data-play-id')
  process.stdout.write('plays\n')

  await says(page, 'connection', 'state', 'reconnecting')
  const size = page.viewportSize()
  await page.setViewportSize({ width: 390, height: 800 })
  const away = await connection(page)
  await page.screenshot({ path: `${pictures}-narrow.png` })
  await page.setViewportSize(size)
  await page.waitForFunction(
    () => document.querySelector('[data-testid=player-video]').dataset.state === 'error',
    undefined,
    { timeout: ENDS_WITHIN_MS },
  )
  const notice = await at(page, 'player-waits').innerText()
  await both('away')
  process.stdout.write('ended\n')

  await page.waitForFunction(
    () => {
      const { paused, readyState, currentTime, dataset } = document.querySelector('[data-testid=player-video]')
      if (dataset.state !== 'playing' || paused || readyState < 3) return false
      window.resumedAt ??= currentTime
      return currentTime > window.resumedAt + 0.5
    },
    undefined,
    { timeout: RESUMES_WITHIN_MS },
  )
  const after = await says(page, 'connection', 'state', 'live')
  const attempt = Number(await video.getAttribute('data-attempt-id'))
  const same_play = (await video.getAttribute('data-play-id')) === play_id
  await both('back')
  return { connection: [before, away, after], notice, attempt, same_play }
}

await tell(executable, pictures, visit)

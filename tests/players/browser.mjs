// Chromium, and the pages it plays in: each with a profile of its own, one player, and nothing else.
//
// The page and the players' packages come from a server of this process, so nothing is fetched from elsewhere.

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import { chromium } from 'playwright-core'
import { FLAGS } from '../e2e/browser/flags.mjs'

const STARTS_WITHIN_MS = 30_000
const PAGE = `<!doctype html><title>player</title><link rel="icon" href="data:,">
<video muted playsinline width="640" height="360"></video><script type="module" src="/page.mjs"></script>`

export class Browser {
  static async launch(executablePath) {
    const self = new Browser()
    self.server = createServer(answer).listen(0, '127.0.0.1')
    await once(self.server, 'listening')
    self.chromium = await chromium.launch({ executablePath, args: FLAGS })
    return self
  }

  /** Opens a page, lets `player` play `url` in it, hands it to `visit` when the picture moves, and closes it. */
  async play(player, url, visit) {
    const context = await this.chromium.newContext({ ignoreHTTPSErrors: true })
    try {
      const page = await context.newPage()
      const broken = []
      page.on('pageerror', (error) => broken.push({ code: String(error).slice(0, 200), fatal: true }))
      await page.goto(`http://127.0.0.1:${this.server.address().port}/`)
      await page.waitForFunction(() => window.play)
      // Not waited for: a player may need a while, and says what is wrong to the watch.
      void page.evaluate(([player, url]) => void window.play(player, url), [player, url])
      const seen = async () => {
        const seen = await page.evaluate(() => window.seen())
        return { ...seen, errors: [...seen.errors, ...broken] }
      }
      await page
        .waitForFunction(() => window.seen?.().begun, undefined, { timeout: STARTS_WITHIN_MS })
        .catch(async () => {
          const { errors } = await seen()
          throw new Error(`does not start: ${errors.map(({ code }) => code).join(', ') || 'no error told'}`)
        })
      return await visit(seen)
    } finally {
      await context.close()
    }
  }

  /** Hands a page of the developer tools to `visit`. */
  async developerTools(visit) {
    const page = await this.chromium.newPage()
    try {
      await page.goto('devtools://devtools/bundled/devtools_app.html', { waitUntil: 'commit' })
      return await visit(page)
    } finally {
      await page.close()
    }
  }

  async close() {
    await this.chromium.close()
    this.server.close()
    this.server.closeAllConnections()
  }
}

function answer({ url }, response) {
  const path = new URL(url, 'http://localhost').pathname
  if (path === '/') return response.setHeader('content-type', 'text/html').end(PAGE)
  const file = path === '/page.mjs' ? './page.mjs' : path.replace(/^\/packages\//, './node_modules/')
  const body = createReadStream(new URL(file, import.meta.url))
  body.on('error', () => response.writeHead(404).end())
  body.on('open', () => body.pipe(response.setHeader('content-type', 'text/javascript')))
}

// Runs a visit and tells what it saw, as JSON, with the exceptions of the page; judging it is for the caller.

import { withPage } from './chromium.mjs'

/** `pictures` is how the names of the pictures begin; `visit` gets the page and what takes a picture in both themes. */
export async function tell(executable, pictures, visit, options) {
  const seen = await withPage(
    executable,
    async (page) => {
      const picture = (name) => page.screenshot({ path: `${pictures}-${name}.png`, fullPage: true })
      const both = async (name) => {
        for (const colorScheme of ['light', 'dark']) {
          await page.emulateMedia({ colorScheme })
          // What sticks to the window would stand in the middle of the page.
          await page.evaluate(() => scrollTo(0, 0))
          await picture(`${name}-${colorScheme}`)
        }
      }
      const errors = []
      page.on('pageerror', (error) => errors.push(String(error)))
      try {
        return { ...(await visit(page, both)), errors }
      } catch (error) {
        await picture('failed')
        throw error
      }
    },
    options,
  )
  process.stdout.write(`${JSON.stringify(seen)}\n`)
}

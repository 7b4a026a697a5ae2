// The system's Chromium with a profile of its own, driven over a pipe: it ends when this process does.

import { createRequire } from 'node:module'

import { FLAGS } from './flags.mjs'

// The dashboard's packages are the only ones of this tree.
const { chromium } = createRequire(new URL('../../../dashboard/package.json', import.meta.url))('playwright-core')

/** Opens an empty page, hands it to `visit`, and closes the browser whatever comes of it. */
export async function withPage(executablePath, visit, options = { viewport: { width: 1280, height: 800 } }) {
  const browser = await chromium.launch({ executablePath, args: FLAGS })
  try {
    const page = await browser.newPage({ colorScheme: 'light', ...options })
    return await visit(page)
  } finally {
    await browser.close()
  }
}

// The players of pages, each in a page of its own of one Chromium: to the end, or so far into a live stream.

import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { counted } from '../../table.mjs'

const LOOK_MS = 200
/** What players report when their machine is busy; nothing has failed. */
const OF_TIMING = ['bufferStalledError', 'bufferNudgeOnStall', 'bufferSeekOverHole']

const FORMS = { 'hls.js': ['HLS'], shaka: ['HLS', 'DASH'], 'dash.js': ['DASH'] }

export const BROWSER_PLAYERS = Object.entries(FORMS).map(([name, forms]) => ({
  name,
  forms,
  begins: 'base',
  inBrowser: true,
  findMissing: (chromium) => (existsSync(chromium) ? undefined : 'chromium is not installed'),

  async play(url, { live, seconds, signal, browser }) {
    try {
      return await browser.play(name, url, async (seen) => {
        let now = await seen()
        const failed = () => now.errors.some(({ fatal }) => fatal)
        const isOver = () => now.ended || failed() || (live && now.media_s >= seconds)
        for (; !isOver() && !signal.aborted; now = await seen()) await pause(LOOK_MS)
        const errors = now.errors.filter(({ code }) => !OF_TIMING.includes(code)).map(({ code }) => code)
        const reached = live ? now.media_s >= seconds : now.ended
        const stopped = reached ? '' : `stops at ${now.at.toFixed(1)} s`
        return {
          failure: [counted(errors), stopped].filter(Boolean).join('; ') || undefined,
          seconds: live ? now.media_s : now.at,
          content: `${now.at.toFixed(1)} s`,
        }
      })
    } catch (error) {
      return { failure: error.message.split('\n')[0], seconds: 0, content: '' }
    }
  },
}))

// Real players on the demo stream, through a rig that is started here: nothing armed, then each fault once.
//
//   node run.mjs [--rig BINARY] [--chromium BINARY] [--seconds 180] [--at-once 3]
//                [--parts steady,faults,ffmpeg,har] [--players hls.js,shaka,dash.js] [--faults 404,truncated,...]
//
// Prints tables of what was seen, and ends with 0 when every row kept what is asked of it. What is asked is the
// business of the parts; timing is real, so a machine with other work to do may fail here for that alone.

import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Browser } from './browser.mjs'
import { Rig } from './rig.mjs'
import { PLAYS, steady } from './steady.mjs'
import { isFailure, table } from './table.mjs'

const TARGET = process.env.CARGO_TARGET_DIR ?? new URL('../../target', import.meta.url).pathname
const BINARIES = ['debug', 'release'].map((profile) => `${TARGET}/${profile}/rebuffer`)
const list = (text) => text?.split(',').map((word) => word.trim())

const { values } = parseArgs({
  options: {
    rig: { type: 'string', default: BINARIES.find(existsSync) ?? BINARIES[0] },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
    seconds: { type: 'string', default: '180' },
    'at-once': { type: 'string', default: '3' },
    parts: { type: 'string', default: 'steady,faults,ffmpeg,har' },
    players: { type: 'string' },
    faults: { type: 'string' },
  },
})
const chosen = (name, names) => !names || list(names).includes(name)
const plays = PLAYS.filter(({ player }) => chosen(player, values.players))

const rig = await Rig.start(values.rig)
const browser = await Browser.launch(values.chromium)
const context = { rig, browser, seconds: Number(values.seconds) }
try {
  const rows = await Promise.all(plays.map((play) => steady(context, play)))
  console.log(table('x', rows))
  process.exitCode = rows.some(isFailure) ? 1 : 0
} finally {
  await browser.close()
  await rig.stop()
}

// Real players on the demo stream, through a rig that is started here: nothing armed, then each fault once.
//
//   node run.mjs [--rig BINARY] [--chromium BINARY] [--tls] [--seconds 180] [--at-once 3]
//                [--parts steady,faults,ffmpeg,har] [--players hls.js,shaka,dash.js] [--faults 404,truncated,...]
//
// With `--tls` the players speak HTTP/2 over TLS to the rig, HTTP/1.1 otherwise.
//
// Prints tables of what was seen, and ends with 0 when every row kept what is asked of it. What is asked is the
// business of the parts; timing is real, so a machine with other work to do may fail here for that alone.

import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Browser } from './browser.mjs'
import { each } from './each.mjs'
import { Rig } from './rig.mjs'
import { VICTIMS, cases, strike } from './faults.mjs'
import { READS, read } from './ffmpeg.mjs'
import { SESSIONS, har } from './har.mjs'
import { PLAYS, steady } from './steady.mjs'
import { isFailure, table } from './table.mjs'

const TARGET = process.env.CARGO_TARGET_DIR ?? new URL('../../target', import.meta.url).pathname
const BINARIES = ['debug', 'release'].map((profile) => `${TARGET}/${profile}/rebuffer`)
const inPath = (name) =>
  process.env.PATH.split(':')
    .map((folder) => `${folder}/${name}`)
    .find(existsSync) ?? name
const list = (text) => text?.split(',').map((word) => word.trim())

const { values } = parseArgs({
  options: {
    rig: { type: 'string', default: BINARIES.find(existsSync) ?? BINARIES[0] },
    chromium: { type: 'string', default: inPath('chromium') },
    tls: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '180' },
    'at-once': { type: 'string', default: '3' },
    parts: { type: 'string', default: 'steady,faults,ffmpeg,har' },
    players: { type: 'string' },
    faults: { type: 'string' },
  },
})
const chosen = (words, word) => !words || list(words).includes(word)
const byPlayer = ({ player }) => chosen(values.players, player)

const PARTS = {
  steady: () => each(context, PLAYS.filter(byPlayer), atOnce, steady),
  faults: () =>
    each(
      context,
      cases(rig.info, (type) => chosen(values.faults, type), VICTIMS.filter(byPlayer)),
      atOnce,
      strike,
    ),
  ffmpeg: () => each(context, READS, 1, read),
  har: () => each(context, SESSIONS.filter(byPlayer), 1, har),
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
const atOnce = Number(values['at-once'])
const rig = await Rig.start(values.rig, { tls: values.tls })
const browser = await Browser.launch(values.chromium)
const context = { rig, browser, seconds: Number(values.seconds) }
try {
  for (const part of list(values.parts)) {
    const rows = await PARTS[part]()
    console.log(table(part, rows))
    if (rows.some(isFailure)) process.exitCode = 1
  }
} finally {
  await browser.close()
  await rig.stop()
}

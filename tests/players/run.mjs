// Real players through a rig that is started here: on its demo stream with nothing armed, then each fault once; and every
// player on every packaging and server of the matrix.
//
//   node run.mjs [--rig BINARY] [--chromium BINARY] [--tls] [--seconds 180] [--at-once 3] [--report FILE]
//                [--parts steady,faults,ffmpeg,har,matrix,matrix-short] [--faults 404,truncated,...]
//                [--players ffmpeg,gstreamer,vlc,hls.js,shaka,dash.js]
//                [--packagings hls-ts,dash-live,...] [--servers nginx,plain]
//
// With `--tls` the players speak HTTP/2 over TLS to the rig on the demo stream, HTTP/1.1 otherwise.
//
// Prints tables of what was seen, and writes them to a file when one is named. Ends with 0 when every row kept what is
// asked of it. What is asked is the business of the parts; timing is real, so a machine with other work to do may fail
// here for that alone.

import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { Browser } from './browser.mjs'
import { each } from './each.mjs'
import { Rig } from './rig.mjs'
import { VICTIMS, cases, strike } from './faults.mjs'
import { READS, read } from './ffmpeg.mjs'
import { SESSIONS, har } from './har.mjs'
import { matrix } from './matrix/matrix.mjs'
import { PLAYS, steady } from './steady.mjs'
import { isFailure, summary, table } from './table.mjs'

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
    parts: { type: 'string', default: 'steady,faults,ffmpeg,har,matrix' },
    players: { type: 'string' },
    faults: { type: 'string' },
    packagings: { type: 'string' },
    servers: { type: 'string' },
    report: { type: 'string' },
  },
})
const chosen = (option, word) => !values[option] || list(values[option]).includes(word)
const byPlayer = ({ player }) => chosen('players', player)

/** Parts on the rig's own demo stream, which share a rig and a browser. */
const DEMO = {
  steady: (context) => each(context, PLAYS.filter(byPlayer), atOnce, steady),
  faults: (context) =>
    each(
      context,
      cases(context.rig.info, (type) => chosen('faults', type), VICTIMS.filter(byPlayer)),
      atOnce,
      strike,
    ),
  ffmpeg: (context) => each(context, READS, 1, read),
  har: (context) => each(context, SESSIONS.filter(byPlayer), 1, har),
}

/** Parts with origins of their own. */
const OTHERS = {
  matrix: (rest) => matrix({ ...rest, isShort: false }),
  'matrix-short': (rest) => matrix({ ...rest, isShort: true }),
}

async function* runDemo(parts) {
  const rig = await Rig.start(values.rig, { tls: values.tls })
  const browser = await Browser.launch(values.chromium)
  const context = { rig, browser, seconds: Number(values.seconds) }
  try {
    for (const part of parts) yield { part, rows: await DEMO[part](context) }
  } finally {
    await browser.close()
    await rig.stop()
  }
}

async function* runOthers(parts) {
  const names = ['packagings', 'servers', 'players'].map((option) => [option, list(values[option])])
  const options = { picked: Object.fromEntries(names), atOnce, rig: values.rig, chromium: values.chromium }
  for (const part of parts) yield { part, rows: await OTHERS[part](options) }
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
const atOnce = Number(values['at-once'])
const parts = list(values.parts)
const unknown = parts.filter((part) => !(part in DEMO) && !(part in OTHERS))
if (unknown.length > 0) {
  console.error(`There is no part ${unknown.join(', ')}: ${[DEMO, OTHERS].flatMap(Object.keys).join(', ')} are known.`)
  process.exit(2)
}
const report = []
for (const [run, known] of [
  [runDemo, DEMO],
  [runOthers, OTHERS],
]) {
  const picked = parts.filter((part) => part in known)
  if (picked.length === 0) continue
  for await (const { part, rows } of run(picked)) {
    report.push(table(part, rows), summary(rows))
    console.log(report.slice(-2).join('\n'))
    if (rows.some(isFailure)) process.exitCode = 1
  }
}
if (values.report) await writeFile(values.report, report.join('\n'))

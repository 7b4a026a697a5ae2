// The parts `matrix` and `matrix-short`: which pairs there are, and playing them on one testbed.
//
// The whole matrix has every packaging on every server with every player that can play its form. The short one has each
// packaging once with ffmpeg and once in Chromium, on the first of the servers, and less of the live ones.

import { each } from '../each.mjs'
import { PACKAGINGS } from './packagings/index.mjs'
import { playPair } from './pair.mjs'
import { PLAYERS } from './players/index.mjs'
import { SERVERS } from './servers/index.mjs'
import { Testbed } from './testbed.mjs'

const SECONDS = { whole: 20, short: 8 }
/** All of a row is told as it comes. */
const COLUMNS = 9
const SHORT_PLAYERS = { HLS: ['ffmpeg', 'hls.js'], DASH: ['ffmpeg', 'shaka'] }

/** Plays what is picked; one row for each pair. `picked` are lists of names by option, all where there is none. */
export async function matrix({ isShort, picked, atOnce, rig, chromium }) {
  const pick = (option, items) => pickByName(option, items, picked[option])
  const packagings = pick('packagings', PACKAGINGS)
  const servers = pick('servers', SERVERS).slice(0, isShort ? 1 : undefined)
  const players = pick('players', PLAYERS)
  const pairs = packagings.flatMap((packaging) =>
    servers.flatMap(({ name: server }) => {
      const isShown = ({ name, forms }) =>
        forms.includes(packaging.form) && (!isShort || SHORT_PLAYERS[packaging.form].includes(name))
      return players.filter(isShown).map((player) => ({ packaging, server, player }))
    }),
  )
  const needsBrowser = pairs.some(({ player }) => player.inBrowser && !player.findMissing(chromium))
  const progress = (what) => console.error(`matrix: ${what}`)
  const testbed = await Testbed.start({ packagings, servers, needsBrowser, rig, chromium, progress })
  try {
    return await each(
      { testbed, liveSeconds: isShort ? SECONDS.short : SECONDS.whole },
      pairs,
      atOnce,
      playPair,
      COLUMNS,
    )
  } finally {
    await testbed.stop()
  }
}

function pickByName(option, items, names) {
  const known = items.map(({ name }) => name)
  const unknown = names?.filter((name) => !known.includes(name)) ?? []
  if (unknown.length > 0) throw new Error(`--${option} ${unknown.join()}: ${known.join(', ')} are known`)
  return items.filter(({ name }) => names?.includes(name) ?? true)
}

// HLS live: an EVENT playlist that grows, and a sliding window with a discontinuity every few segments.
//
// What is released was made before. At each discontinuity of the second the timestamps jump ahead: where they begin anew,
// ffmpeg 5.1 waits for ever at the first one.

import { join } from 'node:path'
import { Publisher, copyFile, replaceFile } from '../publisher.mjs'
import { MASTER, MASTER_ROW, MEDIA, MEDIA_ROW, cutSegments, readSegments, renderMedia, writeMaster } from './hls.mjs'
import { LIVE_SECONDS, SEGMENT_SECONDS, muxedInput } from './source.mjs'

const RUNGS = [0, 1]
/** How many segments lie between two discontinuities, and how many the window has. */
const PIECE = 4
const WINDOW = 6
/** How far the timestamps of a piece are ahead of those of the piece before it. */
const JUMP_SECONDS = 100

const live = { form: 'HLS', start: MASTER, live: true, rungs: RUNGS.length }

const event = {
  ...live,
  name: 'hls-event',
  rows: [MASTER_ROW, MEDIA_ROW, { path: /^v(?<rung>\d)\/\d+\.ts$/, kind: 'segment' }],
  async make(source, folder) {
    for (const rung of RUNGS) await cutSegments(folder, `v${rung}`, muxedInput(source, rung, LIVE_SECONDS))
    await writeMaster(folder, RUNGS)
  },
  publish: (made, folder) =>
    release(made, folder, ['.'], (released, all) => {
      const end = released.length === all.length ? ['#EXT-X-ENDLIST'] : []
      return renderMedia(released, ['#EXT-X-PLAYLIST-TYPE:EVENT', '#EXT-X-MEDIA-SEQUENCE:0'], end)
    }),
}

const PIECE_SECONDS = PIECE * SEGMENT_SECONDS
const PIECES = Array.from({ length: Math.floor(LIVE_SECONDS / PIECE_SECONDS) }, (_, piece) => `p${piece}`)

const slidingWindow = {
  ...live,
  name: 'hls-live',
  rows: [MASTER_ROW, MEDIA_ROW, { path: /^v(?<rung>\d)\/p\d\/\d+\.ts$/, kind: 'segment' }],
  async make(source, folder) {
    for (const rung of RUNGS) {
      for (const [piece, name] of PIECES.entries()) {
        const ahead = ['-output_ts_offset', String(piece * JUMP_SECONDS)]
        const input = muxedInput(source, rung, PIECE_SECONDS, piece * PIECE_SECONDS)
        await cutSegments(folder, `v${rung}/${name}`, input, ahead)
      }
    }
    await writeMaster(folder, RUNGS)
  },
  publish: (made, folder) =>
    release(made, folder, PIECES, (released) => {
      const first = Math.max(0, released.length - WINDOW)
      const shown = released.slice(first)
      // A discontinuity that stands before the first segment that is listed has left the playlist with its segment.
      const gone = released.slice(0, first).filter(({ tags }) => tags.length > 0).length
      return renderMedia(shown, [`#EXT-X-MEDIA-SEQUENCE:${first}`, `#EXT-X-DISCONTINUITY-SEQUENCE:${gone}`])
    }),
}

/** Releases the segments of all rungs together; `write` makes the playlist of those that are out. */
async function release(made, folder, pieces, write) {
  const tracks = await Promise.all(RUNGS.map((rung) => readPieces(join(made, `v${rung}`), pieces)))
  await copyFile(made, folder, MASTER)
  return Publisher.start(tracks[0].length, async (count) => {
    for (const [rung, segments] of tracks.entries()) {
      const released = segments.slice(0, count)
      const place = `v${rung}`
      for (const { uri } of released.slice(-1)) await copyFile(made, folder, join(place, uri))
      await replaceFile(join(folder, place, MEDIA), write(released, segments))
    }
  })
}

/** The segments of these folders one after the other; the first of each but the very first has a discontinuity. */
async function readPieces(folder, pieces) {
  const lists = await Promise.all(pieces.map((piece) => readSegments(join(folder, piece, MEDIA))))
  return lists.flatMap((list, piece) =>
    list.map(({ seconds, uri }, place) => ({
      seconds,
      uri: join(pieces[piece], uri),
      tags: piece > 0 && place === 0 ? ['#EXT-X-DISCONTINUITY'] : [],
    })),
  )
}

export const HLS_LIVE = [event, slidingWindow]

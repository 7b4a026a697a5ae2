// HLS playlists as text: writing a master and a media playlist, reading the media playlists that ffmpeg wrote.

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AUDIO, RUNGS, SEGMENT_SECONDS, ffmpeg } from './source.mjs'

export const MASTER = 'master.m3u8'
export const MEDIA = 'index.m3u8'
/** The row of every HLS packaging's master. */
export const MASTER_ROW = { path: /^master\.m3u8$/, kind: 'master_manifest' }
export const MEDIA_ROW = { path: /^v(?<rung>\d)\/index\.m3u8$/, kind: 'manifest' }

/** A master that names `v0/index.m3u8` and so on. `renditions` are whole EXT-X-MEDIA lines, `groups` refer to them. */
export function renderMaster(rungs, renditions = [], groups = '') {
  const variants = rungs.map((rung) => {
    const { bandwidth, width, height, codecs } = RUNGS[rung]
    const size = `RESOLUTION=${width}x${height}`
    return `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},${size},CODECS="${codecs},${AUDIO.codecs}"${groups}\nv${rung}/${MEDIA}`
  })
  return ['#EXTM3U', '#EXT-X-VERSION:6', '#EXT-X-INDEPENDENT-SEGMENTS', ...renditions, ...variants, ''].join('\n')
}

/** A media playlist; `segments` are `{ seconds, uri, tags }`. */
export function renderMedia(segments, head = [], tail = []) {
  const longest = Math.max(SEGMENT_SECONDS, ...segments.map(({ seconds }) => Math.round(seconds)))
  const body = segments.flatMap(({ seconds, uri, tags = [] }) => [...tags, `#EXTINF:${seconds.toFixed(6)},`, uri])
  return ['#EXTM3U', '#EXT-X-VERSION:6', `#EXT-X-TARGETDURATION:${longest}`, ...head, ...body, ...tail, ''].join('\n')
}

/** The segments of a media playlist on disk, in order. */
export async function readSegments(file) {
  const text = await readFile(file, 'utf8')
  const entries = text.matchAll(/^#EXTINF:([\d.]+),.*\n(?:#.*\n)*(\S+)$/gm)
  return Array.from(entries, ([, seconds, uri]) => ({ seconds: Number(seconds), uri }))
}

/** Lets ffmpeg cut `input` into segments and write their playlist, in the folder `name` of `folder`. */
export async function cutSegments(folder, name, input, options = []) {
  const place = join(folder, name)
  await mkdir(place, { recursive: true })
  const form = ['-f', 'hls', '-hls_time', String(SEGMENT_SECONDS), '-hls_playlist_type', 'vod', '-hls_list_size', '0']
  const names = options.includes('single_file') ? [] : ['-hls_segment_filename', '%d.ts']
  await ffmpeg(place, [...input, ...form, ...names, ...options, MEDIA])
}

export async function writeMaster(folder, ...what) {
  await writeFile(join(folder, MASTER), renderMaster(...what))
}

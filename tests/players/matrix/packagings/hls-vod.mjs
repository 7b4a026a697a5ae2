// HLS on demand: transport streams on three rungs, fragmented MP4 with audio and subtitles apart, AES-128, byte ranges.

import { rm, writeFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MASTER, MASTER_ROW, MEDIA, MEDIA_ROW, cutSegments, renderMedia, writeMaster } from './hls.mjs'
import { SEGMENT_SECONDS, VOD_SECONDS, audioInput, muxedInput, videoInput } from './source.mjs'

const vod = { form: 'HLS', start: MASTER, live: false, seconds: VOD_SECONDS }
const SEGMENT_ROW = { path: /^v(?<rung>\d)\/\d+\.ts$/, kind: 'segment' }

const ts = {
  ...vod,
  name: 'hls-ts',
  rungs: 3,
  rows: [MASTER_ROW, MEDIA_ROW, SEGMENT_ROW],
  async make(source, folder) {
    for (const rung of [0, 1, 2]) await cutSegments(folder, `v${rung}`, muxedInput(source, rung, VOD_SECONDS))
    await writeMaster(folder, [0, 1, 2])
  },
}

const RENDITIONS = [
  `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aud",NAME="tone",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,URI="audio/${MEDIA}"`,
  `#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="sub",NAME="text",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,URI="text/${MEDIA}"`,
]

const fmp4 = {
  ...vod,
  name: 'hls-fmp4',
  rungs: 2,
  rows: [
    MASTER_ROW,
    MEDIA_ROW,
    { path: /^v(?<rung>\d)\/init\.mp4$/, kind: 'init' },
    { path: /^v(?<rung>\d)\/\d+\.m4s$/, kind: 'segment' },
    { path: /^audio\/index\.m3u8$/, kind: 'audio_manifest' },
    { path: /^audio\/init\.mp4$/, kind: 'init' },
    { path: /^audio\/\d+\.m4s$/, kind: 'audio_segment' },
    { path: /^text\/index\.m3u8$/, kind: 'subtitle_manifest' },
    { path: /^text\/\d+\.vtt$/, kind: 'subtitle_segment' },
  ],
  async make(source, folder) {
    const form = ['-hls_segment_type', 'fmp4', '-hls_segment_filename', '%d.m4s']
    for (const rung of [0, 1]) await cutSegments(folder, `v${rung}`, videoInput(source, rung, VOD_SECONDS), form)
    await cutSegments(folder, 'audio', audioInput(source, VOD_SECONDS), form)
    await writeSubtitles(join(folder, 'text'))
    await writeMaster(folder, [0, 1], RENDITIONS, ',AUDIO="aud",SUBTITLES="sub"')
  },
}

/** One cue in each segment. */
async function writeSubtitles(folder) {
  await mkdir(folder)
  const numbers = Array.from({ length: VOD_SECONDS / SEGMENT_SECONDS }, (_, number) => number)
  const at = (seconds) => `00:00:${seconds.toFixed(3).padStart(6, '0')}`
  for (const number of numbers) {
    const start = number * SEGMENT_SECONDS
    const cue = `${at(start)} --> ${at(start + SEGMENT_SECONDS / 2)}\nsegment ${number}\n`
    const head = 'WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n'
    await writeFile(join(folder, `${number}.vtt`), head + cue)
  }
  const segments = numbers.map((number) => ({ seconds: SEGMENT_SECONDS, uri: `${number}.vtt` }))
  await writeFile(join(folder, MEDIA), renderMedia(segments, ['#EXT-X-PLAYLIST-TYPE:VOD'], ['#EXT-X-ENDLIST']))
}

const KEYS = ['0f1e2d3c4b5a69788796a5b4c3d2e1f0', '00112233445566778899aabbccddeeff']

const aes = {
  ...vod,
  name: 'hls-aes',
  rungs: 2,
  rows: [MASTER_ROW, MEDIA_ROW, SEGMENT_ROW, { path: /^v(?<rung>\d)\/key\.bin$/, kind: 'key' }],
  async make(source, folder) {
    for (const rung of [0, 1]) {
      const place = join(folder, `v${rung}`)
      await mkdir(place)
      await writeFile(join(place, 'key.bin'), Buffer.from(KEYS[rung], 'hex'))
      await writeFile(join(place, 'key.info'), 'key.bin\nkey.bin\n')
      await cutSegments(folder, `v${rung}`, muxedInput(source, rung, VOD_SECONDS), ['-hls_key_info_file', 'key.info'])
      await rm(join(place, 'key.info'))
    }
    await writeMaster(folder, [0, 1])
  },
}

const byteRange = {
  ...vod,
  name: 'hls-byterange',
  rungs: 2,
  rows: [MASTER_ROW, MEDIA_ROW, { path: /^v(?<rung>\d)\/index\.ts$/, kind: 'segment' }],
  async make(source, folder) {
    const options = ['-hls_flags', 'single_file']
    for (const rung of [0, 1]) await cutSegments(folder, `v${rung}`, muxedInput(source, rung, VOD_SECONDS), options)
    await writeMaster(folder, [0, 1])
  },
}

export const HLS_VOD = [ts, fmp4, aes, byteRange]

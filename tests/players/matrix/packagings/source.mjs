// What every packaging is made of: one test picture in three sizes and one tone, encoded once with ffmpeg.
//
// Every rung has a key frame exactly every SEGMENT_SECONDS, so packagings only copy packets and cut at the same frames.
// The bit rates are so low that every player's first guess of the throughput allows the top rung.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

export const SEGMENT_SECONDS = 2
export const VOD_SECONDS = 24
/** Of a live stream everything is encoded beforehand and released while it is played. */
export const LIVE_SECONDS = 60
export const FRAMES_PER_SECOND = 25

/** The ladder, lowest first; a rung is its place. `bandwidth` is what manifests declare, audio included, in bit/s. */
export const RUNGS = [
  { width: 160, height: 90, video: '60k', level: '1.1', bandwidth: 150_000, codecs: 'avc1.42c00b' },
  { width: 320, height: 180, video: '120k', level: '1.3', bandwidth: 250_000, codecs: 'avc1.42c00d' },
  { width: 640, height: 360, video: '240k', level: '3.0', bandwidth: 400_000, codecs: 'avc1.42c01e' },
]
export const AUDIO = { rate: '48k', bandwidth: 60_000, codecs: 'mp4a.40.2', samplesPerSecond: 48_000 }

const ENCODES_WITHIN_MS = 120_000

const run = promisify(execFile)

/** Runs ffmpeg to its end in a folder; an error carries what it printed. */
export async function ffmpeg(folder, args) {
  await run('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args], { cwd: folder, timeout: ENCODES_WITHIN_MS })
}

/** Encodes the rungs and the audio into MP4 files of this folder. */
export async function encode(folder) {
  const picture = ({ width, height }) => `testsrc2=size=${width}x${height}:rate=${FRAMES_PER_SECOND}`
  const pictures = RUNGS.flatMap((rung) => ['-f', 'lavfi', '-i', picture(rung)])
  const keyFrames = FRAMES_PER_SECOND * SEGMENT_SECONDS
  const codec = ['-c:v', 'libx264', '-preset', 'veryfast', '-profile:v', 'baseline', '-pix_fmt', 'yuv420p']
  const groups = ['-g', keyFrames, '-keyint_min', keyFrames, '-sc_threshold', 0]
  const rungs = RUNGS.flatMap(({ video, level }, rung) => [
    ...['-map', `${rung}:v`, '-t', LIVE_SECONDS, ...codec, '-level', level, ...groups],
    ...['-b:v', video, '-maxrate', video, '-bufsize', video, videoFile(rung)],
  ])
  const tone = ['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=${AUDIO.samplesPerSecond}`]
  const audio = ['-map', `${RUNGS.length}:a`, '-t', LIVE_SECONDS, '-c:a', 'aac', '-b:a', AUDIO.rate, AUDIO_FILE]
  await ffmpeg(folder, [...pictures, ...tone, ...rungs, ...audio].map(String))
}

const videoFile = (rung) => `video-${rung}.mp4`
const AUDIO_FILE = 'audio.mp4'

/** Arguments that read what `encode` made, from `start` on for `seconds`. */
function inputFile(source, file, seconds, start = 0) {
  return ['-ss', String(start), '-t', String(seconds), '-i', join(source, file)]
}

/** Both tracks of one rung. */
export function muxedInput(source, rung, seconds, start = 0) {
  const tracks = [
    ...inputFile(source, videoFile(rung), seconds, start),
    ...inputFile(source, AUDIO_FILE, seconds, start),
  ]
  return [...tracks, '-map', '0:v', '-map', '1:a', '-c', 'copy']
}

/** One track alone: that of a rung, or the audio. */
export function videoInput(source, rung, seconds) {
  return [...inputFile(source, videoFile(rung), seconds), '-map', '0:v', '-c', 'copy']
}

export function audioInput(source, seconds) {
  return [...inputFile(source, AUDIO_FILE, seconds), '-map', '0:a', '-c', 'copy']
}

// MPDs as text, and reading what ffmpeg and MP4 boxes say that an MPD has to.

import { AUDIO, FRAMES_PER_SECOND, RUNGS } from './source.mjs'

export const MPD = 'manifest.mpd'
export const MPD_ROW = { path: /^manifest\.mpd$/, kind: 'manifest' }

const NAMESPACE = 'xmlns="urn:mpeg:dash:schema:mpd:2011"'
export const formatDuration = (seconds) => `PT${seconds.toFixed(3)}S`

/** An MPD of one period: `addressing` gives the elements of a representation, by its id. */
export function renderMpd(attributes, rungs, addressing, tail = '') {
  const head = Object.entries({ minBufferTime: 'PT2S', ...attributes }).map(([name, value]) => `${name}="${value}"`)
  const videos = rungs.map((rung) => {
    const { width, height, bandwidth, codecs } = RUNGS[rung]
    const size = `width="${width}" height="${height}" frameRate="${FRAMES_PER_SECOND}"`
    return representation(`v${rung}`, `bandwidth="${bandwidth}" codecs="${codecs}" ${size}`, addressing)
  })
  const sound = `bandwidth="${AUDIO.bandwidth}" codecs="${AUDIO.codecs}" audioSamplingRate="${AUDIO.samplesPerSecond}"`
  const audio = [representation('audio', sound, addressing)]
  const sets = [adaptationSet('video', videos), adaptationSet('audio', audio)].join('\n')
  const period = `<Period id="0" start="PT0S">\n${sets}\n</Period>`
  return `<?xml version="1.0" encoding="utf-8"?>\n<MPD ${NAMESPACE} ${head.join(' ')}>\n${period}\n${tail}</MPD>\n`
}

const representation = (id, attributes, addressing) =>
  `<Representation id="${id}" ${attributes}>\n${addressing(id)}\n</Representation>`

function adaptationSet(type, representations) {
  const more = `segmentAlignment="true" startWithSAP="1"${type === 'audio' ? ' lang="en"' : ''}`
  const body = representations.join('\n')
  return `<AdaptationSet contentType="${type}" mimeType="${type}/mp4" ${more}>\n${body}\n</AdaptationSet>`
}

/** The segments of each representation of an MPD with timelines, in order: `{ timescale, segments: [{ t, d }] }`. */
export function parseTimelines(text) {
  return Array.from(
    text.matchAll(/<SegmentTemplate timescale="(\d+)"[^]*?<\/SegmentTemplate>/g),
    ([template, scale]) => {
      const segments = []
      for (const [, attributes] of template.matchAll(/<S ([^>]*)\/>/g)) {
        const value = (name) => attributes.match(new RegExp(`\\b${name}="(\\d+)"`))?.[1]
        const d = Number(value('d'))
        const last = segments.at(-1)
        let t = Number(value('t') ?? (last ? last.t + last.d : 0))
        for (let left = Number(value('r') ?? 0); left >= 0; left--, t += d) segments.push({ t, d })
      }
      return { timescale: Number(scale), segments }
    },
  )
}

/** Offset and length of the first top-level box of this type in an MP4 file. */
export function findBox(file, type) {
  for (let offset = 0; offset + 8 <= file.length;) {
    const length = file.readUInt32BE(offset)
    if (file.toString('latin1', offset + 4, offset + 8) === type) return { offset, length }
    if (length < 8) break
    offset += length
  }
  throw new Error(`no ${type} box`)
}

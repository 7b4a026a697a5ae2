// DASH: a live MPD whose timelines grow, and the on-demand profile with one indexed file for each representation.
//
// The live one lists everything since its beginning: when segments leave it, ffmpeg 5.1 plays some again and again, and
// GStreamer 1.22 stops.

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FIRST_SEGMENTS, Publisher, copyFile, replaceFile } from '../publisher.mjs'
import { MPD, MPD_ROW, findBox, formatDuration, parseTimelines, renderMpd } from './mpd.mjs'
import { LIVE_SECONDS, SEGMENT_SECONDS, VOD_SECONDS, audioInput, ffmpeg, videoInput } from './source.mjs'

const RUNGS = [0, 1]
const TRACKS = [...RUNGS.map((rung) => `v${rung}`), 'audio']
const CLOCK = 'clock.txt'

const dash = { form: 'DASH', start: MPD, rungs: RUNGS.length }

const live = {
  ...dash,
  name: 'dash-live',
  live: true,
  rows: [
    MPD_ROW,
    { path: /^v(?<rung>\d)\/init\.mp4$/, kind: 'init' },
    { path: /^v(?<rung>\d)\/\d+\.m4s$/, kind: 'segment' },
    { path: /^audio\/init\.mp4$/, kind: 'init' },
    { path: /^audio\/\d+\.m4s$/, kind: 'audio_segment' },
    { path: /^clock\.txt$/, kind: 'other' },
  ],
  async make(source, folder) {
    for (const [place, track] of TRACKS.entries()) {
      await mkdir(join(folder, track))
      const input = track === 'audio' ? audioInput(source, LIVE_SECONDS) : videoInput(source, place, LIVE_SECONDS)
      const cut = ['-f', 'dash', '-seg_duration', String(SEGMENT_SECONDS), '-use_timeline', '1']
      const names = ['-media_seg_name', '$Number$.m4s', '-init_seg_name', 'init.mp4']
      await ffmpeg(join(folder, track), [...input, ...cut, ...names, MPD])
    }
    await writeFile(join(folder, CLOCK), '')
  },
  async publish(made, folder) {
    const timelines = new Map()
    for (const track of TRACKS) {
      timelines.set(track, parseTimelines(await readFile(join(made, track, MPD), 'utf8'))[0])
      await copyFile(made, folder, join(track, 'init.mp4'))
    }
    await copyFile(made, folder, CLOCK)
    const segments = Math.min(...Array.from(timelines.values(), ({ segments }) => segments.length))
    const begin = Date.now() - FIRST_SEGMENTS * SEGMENT_SECONDS * 1_000
    return Publisher.start(segments, async (count) => {
      for (const track of TRACKS) await copyFile(made, folder, join(track, `${count}.m4s`))
      await replaceFile(join(folder, MPD), renderLiveMpd(timelines, count, begin))
    })
  },
}

/** The MPD when `count` segments are out of a stream that began at `begin`, ms since the epoch. */
function renderLiveMpd(timelines, count, begin) {
  const attributes = {
    profiles: 'urn:mpeg:dash:profile:isoff-live:2011',
    type: 'dynamic',
    availabilityStartTime: new Date(begin).toISOString(),
    publishTime: new Date().toISOString(),
    minimumUpdatePeriod: formatDuration(SEGMENT_SECONDS),
    timeShiftBufferDepth: formatDuration(LIVE_SECONDS),
    suggestedPresentationDelay: formatDuration(3 * SEGMENT_SECONDS),
  }
  const clock = `<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-head:2014" value="${CLOCK}"/>\n`
  const addressing = (track) => {
    const { timescale, segments } = timelines.get(track)
    const entries = segments.slice(0, count).map(({ t, d }) => `<S t="${t}" d="${d}"/>`)
    const names = `initialization="${track}/init.mp4" media="${track}/$Number$.m4s" startNumber="1"`
    const timeline = `<SegmentTimeline>${entries.join('')}</SegmentTimeline>`
    return `<SegmentTemplate timescale="${timescale}" ${names}>${timeline}</SegmentTemplate>`
  }
  return renderMpd(attributes, RUNGS, addressing, clock)
}

/** The initialization and the index stand before the first segment, up to `head`; some players ask for both at once. */
const kindByRange = (media) => (range, head) => (range?.end < head ? 'init' : media)

const onDemand = {
  ...dash,
  name: 'dash-vod',
  live: false,
  seconds: VOD_SECONDS,
  rows: [
    MPD_ROW,
    { path: /^v(?<rung>\d)\.mp4$/, kind: kindByRange('segment') },
    { path: /^audio\.mp4$/, kind: kindByRange('audio_segment') },
  ],
  /** How many bytes of each file are no media; known when they were made. */
  heads: new Map(),
  async make(source, folder) {
    const ranges = new Map()
    for (const [place, track] of TRACKS.entries()) {
      const input = track === 'audio' ? audioInput(source, VOD_SECONDS) : videoInput(source, place, VOD_SECONDS)
      const cut = track === 'audio' ? ['-frag_duration', String(SEGMENT_SECONDS * 1e6)] : []
      const flags = ['-movflags', `+dash+global_sidx${track === 'audio' ? '' : '+frag_keyframe'}`]
      await ffmpeg(folder, [...input, ...cut, ...flags, '-f', 'mp4', `${track}.mp4`])
      const index = findBox(await readFile(join(folder, `${track}.mp4`)), 'sidx')
      const end = index.offset + index.length
      this.heads.set(`${track}.mp4`, end)
      ranges.set(track, { init: `0-${index.offset - 1}`, index: `${index.offset}-${end - 1}` })
    }
    const profiles = 'urn:mpeg:dash:profile:isoff-on-demand:2011'
    const attributes = { profiles, type: 'static', mediaPresentationDuration: formatDuration(VOD_SECONDS) }
    const addressing = (track) => {
      const { init, index } = ranges.get(track)
      const base = `<BaseURL>${track}.mp4</BaseURL>`
      return `${base}<SegmentBase indexRange="${index}"><Initialization range="${init}"/></SegmentBase>`
    }
    await writeFile(join(folder, MPD), renderMpd(attributes, RUNGS, addressing))
  },
}

export const DASH = [live, onDemand]

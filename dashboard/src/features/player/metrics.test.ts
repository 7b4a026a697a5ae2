import { expect, it } from 'vitest'

import { browserFamily, metricsOf, noFacts, type Picture } from './metrics'
import { advance, idle } from './playback'

const picture: Picture = {
  position: 10,
  rate: 1,
  bufferEnd: 22.34567,
  seekableEnd: 30,
  video: { width: 1280, height: 720 },
  display: { width: 0, height: 0 },
  shown: 100,
  dropped: 2,
}

it('leaves out what is not known instead of sending zeros', () => {
  const metrics = metricsOf(idle(), picture, noFacts(), 0)
  expect(metrics.buffer_depth_s).toBe(12.346)
  expect(metrics.video_resolution).toBe('1280x720')
  for (const name of ['video_bitrate_mbps', 'first_frame_time_s', 'display_resolution', 'true_offset_s', 'error']) {
    expect(metrics).not.toHaveProperty(name)
  }
})

it('says that the buffer is empty when the playhead stands in a hole', () => {
  expect(metricsOf(idle(), { ...picture, bufferEnd: undefined }, noFacts(), 0).buffer_depth_s).toBe(0)
})

it('counts the stall that is going on', () => {
  const play = idle()
  advance(play, { kind: 'load' }, 0)
  for (const position of [0, 1]) advance(play, { kind: 'position', position, seeking: false }, 1_000)
  advance(play, { kind: 'waiting' }, 2_000)
  const metrics = metricsOf(play, picture, { ...noFacts(), levelMbps: 2, topMbps: 8 }, 5_000)
  expect([metrics.state, metrics.stalls, metrics.stall_time_s, metrics.video_quality_pct]).toEqual([
    'stalled',
    1,
    3,
    25,
  ])
})

it('tells browsers apart although they all claim to be the others', () => {
  expect(browserFamily('Mozilla/5.0 Chrome/120 Safari/537 Edg/120')).toBe('Edge')
  expect(browserFamily('Mozilla/5.0 Chrome/120 Safari/537')).toBe('Chrome')
  expect(browserFamily('curl/8')).toBe('other')
})

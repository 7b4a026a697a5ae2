// GStreamer's playbin decodes in real time; every decoded picture is told with its time and its SHA-1.
//
// Without the clock of its sinks, gst-launch pauses and goes on so often for its buffer that it can stop for good.

import { createHash } from 'node:crypto'
import { FRAMES_PER_SECOND } from '../packagings/source.mjs'
import { Player, find } from './process.mjs'

const FRAME = /^[\d:.]+ [0-9a-f]{40}$/
/** In kbit/s, and far above every rung: the choice of the rung is no measurement of this machine. */
const CONNECTION_SPEED = 10_000

export const GSTREAMER = {
  name: 'gstreamer',
  forms: ['HLS', 'DASH'],
  begins: 'base',
  findMissing: () => (find('gst-launch-1.0') ? undefined : 'gst-launch-1.0 is not installed'),

  async play(url, { live, seconds, signal }) {
    const digest = createHash('md5')
    let frames = 0
    let ended = false
    let stopped = false
    const line = (text) => {
      if (text.startsWith('Got EOS')) ended = true
      if (!FRAME.test(text)) return
      digest.update(text)
      frames += 1
      if (live && frames >= seconds * FRAMES_PER_SECOND) {
        stopped = true
        player.kill()
      }
    }
    const sinks = [
      'video-sink=checksumsink sync=true',
      'audio-sink=fakesink sync=true',
      'text-sink=fakesink sync=false',
    ]
    const bin = ['playbin', `uri=${url}`, `connection-speed=${CONNECTION_SPEED}`, ...sinks]
    const player = new Player('gst-launch-1.0', bin, { signal, line })
    const { code } = await player.ended
    const error = player.errors.match(/^ERROR: from element \S+: (.*?)(?:: |$)/m)?.[1] ?? player.lastError
    const failure =
      code === 0 && ended ? undefined : `exit code ${code ?? 'none, stopped'}: ${error || 'no end of stream'}`
    return {
      failure: stopped ? undefined : failure,
      seconds: frames / FRAMES_PER_SECOND,
      content: `${frames} frames, MD5 ${digest.digest('hex').slice(0, 8)}`,
    }
  },
}

// ffmpeg reads without decoding, and lists every packet with its MD5: all streams as fast as it can, or of a live stream
// the ones it chooses, at their pace. Without the pace it asks for an MPD hundreds of times a second.

import { createHash } from 'node:crypto'
import { FRAMES_PER_SECOND } from '../packagings/source.mjs'
import { Player, find } from './process.mjs'

export const FFMPEG = {
  name: 'ffmpeg',
  forms: ['HLS', 'DASH'],
  // Its DASH reader resolves what an MPD names against where it began, and not against where it was redirected to.
  begins: 'session',
  findMissing: () => (find('ffmpeg') ? undefined : 'ffmpeg is not installed'),

  async play(url, { live, seconds, signal }) {
    const digest = createHash('md5')
    const packets = new Map()
    const media = {}
    const line = (text) => {
      digest.update(text)
      const kind = text.match(/^#media_type (\d+): (\w+)/)
      if (kind) media[kind[1]] = kind[2]
      else if (!text.startsWith('#')) {
        const stream = text.slice(0, text.indexOf(','))
        packets.set(stream, (packets.get(stream) ?? 0) + 1)
      }
    }
    const input = ['-v', 'error', '-nostdin', ...(live ? ['-re'] : []), '-i', url]
    const streams = live ? ['-t', String(seconds)] : ['-map', '0']
    const output = [...streams, '-c', 'copy', '-f', 'framemd5', '-']
    const player = new Player('ffmpeg', [...input, ...output], { signal, line })
    const { code } = await player.ended
    const frames = Array.from(packets, ([stream, count]) => (media[stream] === 'video' ? count : 0))
    return {
      failure: code === 0 ? undefined : `exit code ${code ?? 'none, stopped'}: ${player.lastError}`,
      seconds: Math.max(0, ...frames) / FRAMES_PER_SECOND,
      content: `${[...packets.values()].join(' + ')} packets, MD5 ${digest.digest('hex').slice(0, 8)}`,
    }
  },
}

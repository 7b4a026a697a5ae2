// VLC without a window, asked by its own text interface for its state and its counters.
//
// At the end it stops at the last picture, where the counters are those of the whole play. How far it came is counted in
// frames of audio, because its clock begins anew at discontinuities. It refuses to be root.

import { readFileSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AUDIO } from '../packagings/source.mjs'
import { Player, find } from './process.mjs'

const ASKS_EVERY_MS = 200
/** What is the same in every play; how many pictures are shown depends on the machine. */
const DECODED = ['video decoded', 'audio decoded']
const PLAYED = 'buffers played'
const SAMPLES_PER_FRAME = 1_024
/** The choice of the rung is no measurement of this machine. */
const TOP_RUNG = ['--adaptive-logic', 'highest']
const INTERFACE = ['-I', 'oldrc', '--rc-fake-tty', '--no-color']
const OUTPUTS = ['--vout', 'vdummy', '--aout', 'adummy', '--play-and-pause']
/** Pictures that come late on a busy machine are shown, so that they count. */
const ALL_FRAMES = ['--no-drop-late-frames', '--no-skip-frames', '--no-avcodec-hurry-up']

export const VLC = {
  name: 'vlc',
  forms: ['HLS', 'DASH'],
  begins: 'base',
  findMissing: () => (find('vlc') ? undefined : 'vlc is not installed'),

  async play(url, { live, seconds, signal, folder }) {
    const home = await mkdtemp(join(folder, 'vlc-'))
    const user = findUser()
    if (user) await chown(home, user.uid, user.gid)
    const status = new StatusReader()
    const options = [...INTERFACE, ...OUTPUTS, ...ALL_FRAMES, ...TOP_RUNG, url]
    const env = { ...process.env, HOME: home, XDG_RUNTIME_DIR: home }
    const player = new Player('vlc', options, { signal, line: (text) => status.read(text), env, ...user })
    const isOver = () => status.state === 'pause' || status.state === 'stop' || (live && status.seconds >= seconds)
    const asking = setInterval(() => {
      if (isOver()) {
        clearInterval(asking)
        player.write('quit')
      } else for (const question of ['stats', 'status']) player.write(question)
    }, ASKS_EVERY_MS)
    const { code } = await player.ended
    clearInterval(asking)
    await rm(home, { recursive: true, force: true })
    const reached = live ? status.seconds >= seconds : status.state === 'pause'
    return {
      failure: reached ? undefined : `state ${status.state ?? 'unknown'}, exit code ${code ?? 'none, stopped'}`,
      seconds: status.seconds,
      content: DECODED.map((name) => `${status.counters[name] ?? 0} ${name}`).join(', '),
    }
  },
}

/** Reads the answers: `status change: ( play state: 3 )`, and counters as a table. */
class StatusReader {
  counters = {}
  state = undefined

  get seconds() {
    return ((this.counters[PLAYED] ?? 0) * SAMPLES_PER_FRAME) / AUDIO.samplesPerSecond
  }

  read(text) {
    const state = text.match(/\( (\w+) state: \d+ \)/)
    const counter = text.match(/^\| (\w+ \w+) +: +(\d+)$/)
    // A pause before the first sound is none of the end.
    if (state && (this.seconds > 0 || state[1] !== 'pause')) this.state = state[1]
    if (counter) this.counters[counter[1]] = Number(counter[2])
  }
}

/** Somebody else when this is root. */
function findUser() {
  if (process.getuid() !== 0) return undefined
  const [, , uid, gid] = readFileSync('/etc/passwd', 'utf8')
    .match(/^nobody:.*$/m)[0]
    .split(':')
  return { uid: Number(uid), gid: Number(gid) }
}

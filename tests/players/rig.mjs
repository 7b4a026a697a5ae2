// The rig as a process of our own, and what its API says: where it is, what it has recorded, which rules are armed.
//
// It keeps nothing beyond a folder that goes with it, listens on ports of the system's choice, and is told to end last.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { openSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const LOOPBACK = '127.0.0.1:0'

export class Rig {
  exchanges = []
  records = new AbortController()

  /** Starts the rig with its demo stream, and returns when it is up. */
  static async start(binary, tls) {
    const self = new Rig()
    self.scheme = tls ? 'https' : 'http'
    self.folder = await mkdtemp(join(tmpdir(), 'rebuffer-players-'))
    const log = join(self.folder, 'log')
    const where = [
      '--data-dir',
      join(self.folder, 'data'),
      '--api',
      LOOPBACK,
      '--base',
      LOOPBACK,
      '--session-ports',
      '0',
    ]
    const how = ['--archive', 'off', '--shaper', 'pacing', '--tls', tls ? 'self-signed' : 'off']
    self.child = spawn(binary, ['up', '--demo', ...how, ...where], {
      stdio: ['ignore', 'pipe', openSync(log, 'w')],
    })
    // However this process ends.
    process.once('exit', () => self.child.kill('SIGKILL'))
    self.ended = once(self.child, 'exit').catch((error) => [String(error)])
    const api = await Promise.race([address(self.child.stdout), self.ended.then(() => undefined)])
    if (!api) throw new Error(`${binary} does not start:\n${await readFile(log, 'utf8')}`)
    self.api = api
    self.info = await self.get('/api/v2/info')
    self.follow().catch((error) => !self.records.signal.aborted && Promise.reject(error))
    return self
  }

  /** Where a player of this id begins. */
  start(path, player, scheme = this.scheme) {
    return `${scheme}://127.0.0.1:${this.info.listen.base_port}/demo${path}?player_id=${player}`
  }

  /** Where it is sent from there: for readers that look for what a playlist names beside where they began. */
  async session(path, player) {
    const { headers } = await fetch(this.start(path, player, 'http'), { redirect: 'manual' })
    return headers.get('location')
  }

  /** The same at the origin itself. */
  origin(path) {
    return new URL(path, this.info.origins.find(({ name }) => name === 'demo').url).href
  }

  async get(path) {
    const answer = await fetch(this.api + path)
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }

  player(id) {
    return this.get(`/api/v2/players/${id}`)
  }

  /** Adds a rule to those of the player. */
  async arm(id, rule) {
    const { control_revision } = await this.player(id)
    const answer = await fetch(`${this.api}/api/v2/players/${id}/fault_rules`, {
      method: 'POST',
      headers: { 'if-match': `"${control_revision}"`, 'content-type': 'application/json' },
      body: JSON.stringify(rule),
    })
    if (!answer.ok) throw new Error(`${rule.type} cannot be armed: ${await answer.text()}`)
  }

  /** The exchanges of a player that have ended so far. */
  exchangesOf(id) {
    return this.exchanges.filter(({ who }) => who.player_id === id)
  }

  /** Keeps every exchange of the feed. */
  async follow() {
    const { body } = await fetch(`${this.api}/api/v2/feed`, { signal: this.records.signal })
    let text = ''
    for await (const piece of body.pipeThrough(new TextDecoderStream())) {
      const frames = (text + piece).split('\n\n')
      text = frames.pop()
      for (const frame of frames.filter((frame) => frame.startsWith('event: record'))) {
        const { body } = JSON.parse(frame.slice(frame.indexOf('data: ') + 'data: '.length))
        if (body.gap) throw new Error(`the feed lost ${body.gap.lost} records`)
        if (body.exchange) this.exchanges.push(body.exchange)
      }
    }
  }

  async stop() {
    this.records.abort()
    this.child.kill('SIGTERM')
    await this.ended
    await rm(this.folder, { recursive: true })
  }
}

/** Where the API is, from the rig's first words, which are read to their end. */
function address(words) {
  return new Promise((resolve) => {
    createInterface({ input: words }).on('line', (line) => {
      const found = line.match(/^ +API +(http:\S+:\d+)/)
      if (found) resolve(found[1])
    })
  })
}

// The rig as a process of our own, and what its API says: where it is, what it has recorded, which rules are armed.
//
// It keeps nothing beyond a folder that goes with it, listens on ports of the system's choice, and is told to end last.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const LOOPBACK = '127.0.0.1:0'
/** Rows of one answer of the archive: fewer than most plays have, so that its paging is used. */
const PAGE = 50

export class Rig {
  exchanges = []
  records = new AbortController()

  /**
   * Starts the rig, and returns when it is up: with its demo stream and no archive, or with these origins, by name, and
   * the embedded archive.
   */
  static async start(binary, { tls = false, origins } = {}) {
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
    const named = Object.entries(origins ?? {}).flatMap(([name, url]) => ['--origin', `${name}=${url}`])
    const what = origins ? ['--archive', 'embedded', ...named] : ['--archive', 'off', '--demo']
    const how = ['--shaper', 'pacing', '--tls', tls ? 'self-signed' : 'off']
    self.child = spawn(binary, ['up', ...what, ...how, ...where], {
      stdio: ['ignore', 'pipe', openSync(log, 'w')],
    })
    // However this process ends.
    self.abandon = () => {
      self.child.kill('SIGKILL')
      rmSync(self.folder, { recursive: true, force: true })
    }
    process.once('exit', self.abandon)
    self.ended = once(self.child, 'exit').catch((error) => [String(error)])
    const api = await Promise.race([address(self.child.stdout), self.ended.then(() => undefined)])
    if (!api) throw new Error(`${binary} does not start:\n${await readFile(log, 'utf8')}`)
    self.api = api
    self.info = await self.get('/api/v2/info')
    self.follow().catch((error) => !self.records.signal.aborted && Promise.reject(error))
    return self
  }

  /** Where a player of this id begins. */
  start(path, player, { scheme = this.scheme, origin = 'demo' } = {}) {
    return `${scheme}://127.0.0.1:${this.info.listen.base_port}/${origin}${path}?player_id=${player}`
  }

  /** Where it is sent from there: for readers that look for what a playlist names beside where they began. */
  async session(path, player, origin) {
    const { headers } = await fetch(this.start(path, player, { scheme: 'http', origin }), { redirect: 'manual' })
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

  /** Makes a player before it comes, with its rules. */
  async create(id, rules) {
    const answer = await fetch(`${this.api}/api/v2/players`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ player_id: id, fault_rules: rules }),
    })
    if (!answer.ok) throw new Error(`a player cannot be made: ${await answer.text()}`)
  }

  /** The rows of a player in the archive so far, with these columns. */
  async rows(id, fields) {
    const rows = []
    const query = new URLSearchParams({ player_id: id, order: 'asc', limit: PAGE, fields: fields.join() })
    for (let cursor; cursor !== null;) {
      if (cursor) query.set('cursor', cursor)
      const page = await this.get(`/api/v2/network_requests?${query}`)
      rows.push(...page.items)
      cursor = page.next_cursor ?? null
    }
    return rows
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
    process.off('exit', this.abandon)
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

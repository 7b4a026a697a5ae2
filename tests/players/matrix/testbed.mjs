// Where pairs play: packagings on disk, servers over one folder, a rig before the servers, a browser when one is needed.
//
// Every play has a folder of its own name below the servers' root, a link to the packaging's files, so that the logs
// and the rows of plays at the same time never mix. A play past the rig uses another port of the server.

import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Browser } from '../browser.mjs'
import { Rig } from '../rig.mjs'
import { FAULT_RULE } from './judge.mjs'
import { encode } from './packagings/source.mjs'

export class Testbed {
  servers = new Map()
  plays = 0

  /** Makes and starts everything these pairs need; `progress` is told what takes a while. */
  static async start({ packagings, servers, needsBrowser, rig, chromium, progress }) {
    const self = new Testbed()
    self.chromium = chromium
    self.folder = await mkdtemp(join(tmpdir(), 'rebuffer-matrix-'))
    // VLC has its home in it and runs as somebody else.
    await chmod(self.folder, 0o711)
    self.remove = () => rmSync(self.folder, { recursive: true, force: true })
    process.once('exit', self.remove)
    try {
      await self.make(packagings, progress)
      self.root = join(self.folder, 'root')
      await mkdir(self.root)
      for (const { name, start, findMissing } of servers) {
        if (!findMissing()) self.servers.set(name, await start(self.root, join(self.folder, name)))
      }
      if (self.servers.size === 0) return self
      const origins = Array.from(self.servers, ([name, { ports }]) => [name, `http://127.0.0.1:${ports.rig}`])
      progress('starting the rig')
      self.rig = await Rig.start(rig, { origins: Object.fromEntries(origins) })
      if (needsBrowser) self.browser = await Browser.launch(chromium)
      return self
    } catch (error) {
      await self.stop()
      throw error
    }
  }

  async make(packagings, progress) {
    const source = join(this.folder, 'source')
    await mkdir(source)
    progress('encoding')
    await encode(source)
    for (const packaging of packagings) {
      progress(`packaging ${packaging.name}`)
      await mkdir(this.made(packaging))
      await packaging.make(source, this.made(packaging))
    }
  }

  /** Why a server is not there, or undefined. */
  findMissing(server) {
    return this.servers.has(server) ? undefined : `${server} is not installed`
  }

  made({ name }) {
    return join(this.folder, name)
  }

  /** The folder of a pair's files; a live stream begins now. `stop` ends it. */
  async publish(packaging) {
    if (!packaging.live) return { files: this.made(packaging), stop: () => {} }
    const files = join(this.folder, `live-${randomUUID()}`)
    const publisher = await packaging.publish(this.made(packaging), files)
    return { files, stop: () => publisher.stop() }
  }

  /** A name of its own for a play, as a path that ends in a slash. */
  async link(files) {
    const name = `p${(this.plays += 1)}`
    await symlink(files, join(this.root, name))
    return `/${name}/`
  }

  /** Where a play past the rig begins. */
  directUrl(server, folder, { start }) {
    return `http://127.0.0.1:${this.servers.get(server).ports.direct}${folder}${start}`
  }

  /** A player of its own in the rig, with the rule armed or nothing, and where it begins. */
  async preparePlayer(server, folder, { start }, { begins }, isArmed) {
    const id = randomUUID()
    if (isArmed) await this.rig.create(id, [FAULT_RULE])
    const path = folder + start
    const url =
      begins === 'session' ? await this.rig.session(path, id, server) : this.rig.start(path, id, { origin: server })
    return { id, url }
  }

  async stop() {
    await this.browser?.close()
    await this.rig?.stop()
    for (const server of this.servers.values()) await server.stop()
    await rm(this.folder, { recursive: true, force: true })
    process.off('exit', this.remove)
  }
}

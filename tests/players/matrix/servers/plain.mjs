// A naive origin: whole files only, a connection for each answer, and types that say little.
//
// It ignores Range and answers 200, gives no validator and no time of change. A record is made before the answer.

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'

const TYPES = { '.m3u8': 'text/plain', '.vtt': 'text/plain', '.txt': 'text/plain' }
const OTHER = 'application/octet-stream'
const FOR_PAGES = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': '*',
  'access-control-expose-headers': 'date, content-length',
}

export class Plain {
  log = []

  static async start(root) {
    const self = new Plain()
    self.servers = { direct: createServer(), rig: createServer() }
    for (const [name, server] of Object.entries(self.servers)) {
      server.on('request', (request, response) => {
        const path = request.url.split('?')[0]
        if (name === 'rig') self.log.push({ method: request.method, path })
        void answer(join(root, normalize(path)), request, response)
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
    }
    const port = (name) => self.servers[name].address().port
    self.ports = { direct: port('direct'), rig: port('rig') }
    return self
  }

  /** What was asked at the port of the rig, oldest first. */
  async requests() {
    return this.log
  }

  async stop() {
    for (const server of Object.values(this.servers)) {
      server.close()
      server.closeAllConnections()
    }
  }
}

async function answer(file, { method }, response) {
  const head = { connection: 'close', ...FOR_PAGES }
  if (method === 'OPTIONS') return response.writeHead(204, head).end()
  try {
    const body = await readFile(file)
    head['content-type'] = TYPES[extname(file)] ?? OTHER
    response.writeHead(200, { ...head, 'content-length': body.length }).end(method === 'HEAD' ? undefined : body)
  } catch {
    response.writeHead(404, head).end()
  }
}

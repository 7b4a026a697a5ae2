// nginx as an origin: byte ranges, connections that are kept, validators, the types that its own table has.
//
// It serves the same folder at two ports, one for plays past the rig and one for the rig, and logs which was asked.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const TYPES = '/etc/nginx/mime.types'
const LISTENS_WITHIN_MS = 10_000
const LOOK_MS = 20
const PATH = `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`

export class Nginx {
  static async start(root, folder) {
    const self = new Nginx()
    await mkdir(folder, { recursive: true })
    self.log = join(folder, 'access.log')
    self.ports = { direct: await findFreePort(), rig: await findFreePort() }
    const file = join(folder, 'nginx.conf')
    await writeFile(file, renderConfiguration(root, folder, self.log, Object.values(self.ports)))
    const errors = join(folder, 'error.log')
    self.child = spawn('nginx', ['-c', file, '-e', errors], { stdio: 'ignore', env: { ...process.env, PATH } })
    self.ended = once(self.child, 'exit').catch((error) => [String(error)])
    self.kill = () => self.child.kill('SIGKILL')
    process.once('exit', self.kill)
    for (const port of Object.values(self.ports)) {
      if (!(await waitForPort(port)))
        throw new Error(`nginx does not start: ${await readFile(errors, 'utf8').catch(String)}`)
    }
    return self
  }

  /** What was asked at the port of the rig, in the order in which it was answered: its access log. */
  async requests() {
    const lines = (await readFile(this.log, 'utf8')).split('\n').filter(Boolean)
    const requests = lines.map((line) => {
      const [port, method, uri, status, range] = line.split('\t')
      return { port: Number(port), method, path: uri.split('?')[0], status: Number(status), range }
    })
    return requests.filter(({ port }) => port === this.ports.rig)
  }

  async stop() {
    this.child.kill('SIGTERM')
    await this.ended
    process.off('exit', this.kill)
  }
}

/** One process that serves and keeps the user it was started by, so that killing it ends all of it. */
function renderConfiguration(root, folder, log, ports) {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  return `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 512; }
http {
  include ${TYPES}; default_type application/octet-stream;
  log_format row '$server_port\t$request_method\t$request_uri\t$status\t$http_range';
  access_log ${log} row; sendfile on; tcp_nopush on;
  ${temporary.join('\n  ')}
  server {
    ${ports.map((port) => `listen 127.0.0.1:${port};`).join(' ')}
    root ${root};
    add_header Access-Control-Allow-Origin * always;
    add_header Access-Control-Expose-Headers "Date, Content-Length, Content-Range" always;
    if ($request_method = OPTIONS) { return 204; }
  }
}
`
}

async function findFreePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

async function waitForPort(port) {
  for (const end = Date.now() + LISTENS_WITHIN_MS; Date.now() < end; await pause(LOOK_MS)) {
    const socket = connect(port, '127.0.0.1')
    const open = await new Promise((resolve) =>
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
    )
    socket.destroy()
    if (open) return true
  }
  return false
}

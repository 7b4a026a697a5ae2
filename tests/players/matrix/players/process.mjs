// A native player as a process: its lines as they come, an end at the latest when it has to, and never as a shell.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'

const FOLDERS = [...process.env.PATH.split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin']

/** Where a command is, or undefined. */
export function find(command) {
  return FOLDERS.map((folder) => `${folder}/${command}`).find(existsSync)
}

/** Running players, which end with this process whatever ends it. */
const running = new Set()
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')))

export class Player {
  /** `signal` ends it at once. `line` sees every line of standard output; the end of standard error is kept. */
  constructor(command, args, { signal, line, ...options }) {
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options })
    running.add(this.child)
    this.errors = ''
    this.child.stdin.on('error', () => {})
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.errors = (this.errors + text).slice(-4_000)))
    createInterface({ input: this.child.stdout }).on('line', line)
    const kill = () => this.kill()
    signal.addEventListener('abort', kill, { once: true })
    this.ended = once(this.child, 'close')
      .then(([code, by]) => ({ code, by }))
      .catch((error) => ({ code: String(error) }))
      .finally(() => {
        running.delete(this.child)
        signal.removeEventListener('abort', kill)
      })
    if (signal.aborted) kill()
  }

  write(line) {
    this.child.stdin.write(`${line}\n`)
  }

  kill() {
    this.child.kill('SIGKILL')
  }

  /** The last line of standard error, for a reason. */
  get lastError() {
    return this.errors.trim().split('\n').at(-1).slice(0, 160)
  }
}

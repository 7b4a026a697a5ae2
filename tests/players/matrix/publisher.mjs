// Releases what was made before, one segment after the other by the clock, as a live encoder would.
//
// Times are counted from the start, so a late release delays none after it.

import { copyFile as copy, mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SEGMENT_SECONDS } from './packagings/source.mjs'

/** So many are there when a stream begins; players want three target durations. */
export const FIRST_SEGMENTS = 4

export class Publisher {
  /** Calls `release` with 1, 2 and so on: the first few at once, every further one when it is due. */
  static async start(segments, release) {
    const self = new Publisher()
    self.startedAt = Date.now()
    for (let count = 1; count <= FIRST_SEGMENTS; count++) await release(count)
    self.schedule(FIRST_SEGMENTS + 1, segments, release)
    return self
  }

  schedule(count, segments, release) {
    if (count > segments) return
    const dueAt = this.startedAt + (count - FIRST_SEGMENTS) * SEGMENT_SECONDS * 1_000
    this.timer = setTimeout(() => {
      this.releasing = release(count)
      void this.releasing.then(() => this.timer && this.schedule(count + 1, segments, release))
    }, dueAt - Date.now())
  }

  async stop() {
    clearTimeout(this.timer)
    this.timer = undefined
    await this.releasing
  }
}

/** Copies one file to the same place below another folder. */
export async function copyFile(from, to, path) {
  await mkdir(dirname(join(to, path)), { recursive: true })
  await copy(join(from, path), join(to, path))
}

/** Writes a file so that readers see the old text or the new one. */
export async function replaceFile(path, text) {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}

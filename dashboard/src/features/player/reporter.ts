// Posts a player's reports: one at a time, in order, none lost while the rig is slow or away for a while.
//
// Invariant: an event is only given up when the rig refuses it or when more than `capacity` wait; both are counted. Of
// heartbeats that wait, the newest stands for all, because each says everything.

import { asRefusal, type Refusal } from '@/api/http'
import type { PlayerMetrics } from '@/api/schema'

export interface PlayRef {
  playId: string
  attemptId: number
}

export interface Report {
  play: PlayRef
  metrics: PlayerMetrics
  heartbeat: boolean
}

export interface ReporterState {
  waiting: number
  lost: number
  refused: number
  /** The trouble of the moment; none while posts arrive. */
  trouble: Refusal | undefined
}

const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 5_000

export class Reporter {
  private readonly queue: Report[] = []
  private lost = 0
  private refused = 0
  private trouble: Refusal | undefined
  private running = false

  constructor(
    private readonly send: (report: Report) => Promise<void>,
    private readonly changed: (state: ReporterState) => void,
    private readonly capacity = 256,
  ) {}

  post(report: Report): void {
    const last = this.queue.at(-1)
    // The head may be on its way already and is left alone.
    const replaces = report.heartbeat && last?.heartbeat === true && this.queue.length > 1 && same(last, report)
    if (replaces) this.queue.pop()
    this.queue.push(report)
    if (this.queue.length > this.capacity) this.giveUpOne()
    this.tell()
    if (!this.running) void this.run()
  }

  /** Hands over what waits, without what is on its way, to somebody who sends it in another way. */
  drain(): Report[] {
    return this.queue.splice(this.running ? 1 : 0)
  }

  private async run(): Promise<void> {
    this.running = true
    let retryMs = FIRST_RETRY_MS
    for (let head = this.queue[0]; head !== undefined; head = this.queue[0]) {
      try {
        await this.send(head)
        this.settle(head)
        this.trouble = undefined
        retryMs = FIRST_RETRY_MS
      } catch (error) {
        this.trouble = asRefusal(error)
        if (passes(this.trouble)) {
          this.tell()
          await new Promise((resolve) => setTimeout(resolve, retryMs))
          retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)
        } else {
          this.refused += 1
          this.settle(head)
        }
      }
      this.tell()
    }
    this.running = false
  }

  private settle(report: Report): void {
    const at = this.queue.indexOf(report)
    if (at >= 0) this.queue.splice(at, 1)
  }

  private giveUpOne(): void {
    const heartbeat = this.queue.findIndex((report, index) => index > 0 && report.heartbeat)
    this.queue.splice(heartbeat > 0 ? heartbeat : 1, 1)
    this.lost += 1
  }

  private tell(): void {
    const { lost, refused, trouble } = this
    this.changed({ waiting: this.queue.length, lost, refused, trouble })
  }
}

/** Whether waiting may help: nobody answered, or the rig is not ready. */
function passes(trouble: Refusal): boolean {
  return trouble.unreachable || trouble.status >= 500 || trouble.status === 429
}

function same(a: Report, b: Report): boolean {
  return a.play.playId === b.play.playId && a.play.attemptId === b.play.attemptId
}

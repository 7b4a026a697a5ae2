// What a player's link did, second by second: asked, enforced, passed, waited, lost.
//
// The rig tells each second as it ends; the archive has those that were current when the player reported. Invariant: no
// second is drawn from both, the rig's own word counts. What was not measured is a gap; a round trip that stands from an
// earlier second is no news, and after `GAP_MS` a gap too.

import { isThere } from '@/api/absent'
import type { ControlRow, EventRow, LinkMetrics } from '@/api/schema'
import { type Cell, GAP_MS, SampleStore } from '@/charts/samples'

import { linkChangeOf, type RateOfPreset } from './actions'

const COLUMNS = [
  'asked',
  'inForce',
  'wire',
  'delivered',
  'rtt',
  'rttMin',
  'ping',
  'waiting',
  'waitingMost',
  'dropped',
  'repeated',
] as const
export type LinkColumn = (typeof COLUMNS)[number]

/** A second of a link, whoever tells it. */
type Second = Record<Exclude<LinkColumn, 'asked'>, Cell>

/** As many seconds as the samples hold. */
const CAPACITY = 7_200

export class LinkSeries {
  readonly samples = new SampleStore(COLUMNS, CAPACITY)
  /** Presets are facts of the rig, read elsewhere. */
  rateOfPreset: RateOfPreset = () => null
  /** What was asked of the link, once anybody said. */
  private asked: number | null | undefined
  /** What is asked of it while no pattern says otherwise. */
  private base: number | null | undefined
  /** The seconds that the rig told itself, the oldest first. */
  private readonly told = new Set<number>()
  private movedAt = -Infinity

  /** A second, as the rig tells it when it ends. */
  second(at: number, metrics: LinkMetrics): void {
    this.told.add(secondOf(at))
    for (const oldest of this.told) {
      if (this.told.size <= CAPACITY) break
      this.told.delete(oldest)
    }
    this.push(at, ofMetrics(metrics), metrics.rtt_stale === true)
  }

  /** A report of the player, with the second before it. */
  row(at: number, row: EventRow): void {
    const second = secondOf(at)
    if ([second - 1, second, second + 1].some((near) => this.told.has(near))) return
    this.push(at, ofRow(row), row.client_rtt_stale === true)
  }

  control(row: ControlRow): void {
    const link = linkChangeOf(row, this.base, this.rateOfPreset)
    if (link?.base !== undefined) this.base = link.base
    if (!link?.change) return
    this.asked = link.change.asked
    this.samples.push(Date.parse(row.ts), link.change)
  }

  /** The rate that was read back, at the instant it changed: the second that says it too ends later. */
  enforced(at: number, rate: number | null): void {
    this.samples.push(at, { inForce: cap(rate) })
  }

  /** What is asked, where no action says it. */
  ask(rate: number | null | undefined): void {
    this.asked = rate
  }

  /** What is asked of the link, for seconds from before anybody changed it. */
  assume(rate: number | null): void {
    if (this.asked === undefined) this.asked = rate
    if (this.base === undefined) this.base = rate
  }

  /** Begins anew, for another player. */
  reset(): void {
    this.samples.clear()
    this.told.clear()
    this.movedAt = -Infinity
    this.asked = this.base = undefined
  }

  private push(at: number, second: Second, stale: boolean): void {
    if (!stale) this.movedAt = at
    const old = at - this.movedAt > GAP_MS ? null : undefined
    const trips = stale ? { rtt: old, rttMin: old } : {}
    this.samples.push(at, { asked: this.asked, ...second, ...trips })
  }
}

function secondOf(at: number): number {
  return Math.round(at / 1_000)
}

function ofMetrics(metrics: LinkMetrics): Second {
  return {
    inForce: cap(metrics.effective_rate_limit_mbps),
    wire: metrics.wire_down_mbps?.mean ?? null,
    delivered: metrics.delivered_mbps ?? null,
    rtt: metrics.rtt_ms ?? null,
    rttMin: metrics.rtt_min_ms ?? null,
    ping: metrics.path_ping_rtt_ms ?? null,
    waiting: kilo(metrics.shaper_backlog_bytes?.mean),
    waitingMost: kilo(metrics.shaper_backlog_bytes?.max),
    dropped: metrics.shaper_drops ?? null,
    repeated: metrics.retransmits ?? null,
  }
}

function ofRow(row: EventRow): Second {
  return {
    inForce: cap(row.effective_rate_limit_mbps),
    wire: row.wire_down_mbps ?? null,
    delivered: row.delivered_mbps ?? null,
    rtt: row.client_rtt_ms ?? null,
    rttMin: row.client_rtt_min_ms ?? null,
    ping: row.client_path_ping_rtt_ms ?? null,
    waiting: kilo(row.shaper_backlog_bytes),
    waitingMost: kilo(row.shaper_backlog_max_bytes),
    dropped: whole(row.shaper_drops),
    repeated: whole(row.client_retransmits),
  }
}

/** No cap is drawn while there is none. */
function cap(rate: number | null | undefined): Cell {
  return isThere(rate) && rate > 0 ? rate : null
}

function kilo(bytes: number | null | undefined): Cell {
  return isThere(bytes) ? bytes / 1_000 : null
}

/** The archive writes whole numbers of 64 bits as text. */
function whole(text: string | null | undefined): Cell {
  return isThere(text) ? Number(text) : null
}

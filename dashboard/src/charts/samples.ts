// The samples that the charts draw: columns over one axis of time, as uPlot wants them.
//
// Invariant: times ascend; at most `capacity` samples are kept, the oldest go first. In a column `undefined` is bridged
// (nobody said anything at that instant) and `null` is a gap (there was nothing to say, or nobody listened).

import { Pulse } from './pulse'

export type Cell = number | null | undefined
export type Values<Column extends string> = Partial<Record<Column, Cell>>

/** A silence longer than this is drawn as a hole. */
export const GAP_MS = 5_000

export class SampleStore<Column extends string> {
  readonly times: number[] = []
  readonly columns: Record<Column, Cell[]>
  readonly pulse = new Pulse()

  constructor(
    private readonly names: readonly Column[],
    private readonly capacity = 7_200,
  ) {
    this.columns = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Column, Cell[]>
  }

  /** Adds a sample, or adds to the one that has this very instant. */
  push(time: number, values: Values<Column>): void {
    const at = this.place(time)
    if (this.times[at] === time) this.merge(at, values)
    else this.add(at, time, values)
    if (this.times.length > this.capacity * 1.1) this.evict()
    this.pulse.touch()
  }

  /** The newest sample at or before an instant. */
  indexAt(time: number): number {
    const at = this.place(time)
    return this.times[at] === time ? at : at - 1
  }

  /** What a column said last at or before a sample, unless a hole lies between. */
  valueAt(column: Column, index: number): number | null {
    const cells = this.columns[column]
    for (let i = Math.min(index, cells.length - 1); i >= 0; i -= 1) {
      const cell = cells[i]
      if (cell !== undefined) return cell
    }
    return null
  }

  /** The largest value of a column between two instants. */
  maxOf(column: Column, from: number, to: number): number {
    let max = 0
    for (let i = this.place(from); i < this.times.length && (this.times[i] ?? 0) <= to; i += 1) {
      max = Math.max(max, this.columns[column][i] ?? 0)
    }
    return max
  }

  clear(): void {
    this.times.length = 0
    for (const name of this.names) this.columns[name].length = 0
    this.pulse.touch()
  }

  private place(time: number): number {
    let low = 0
    let high = this.times.length
    if (high === 0 || (this.times[high - 1] ?? 0) < time) return high
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.times[middle] ?? 0) < time) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Inserts with a hole on either side where there was silence. */
  private add(at: number, time: number, values: Values<Column>): void {
    const [before, after] = [this.times[at - 1], this.times[at]]
    let place = at
    if (before !== undefined && time - before > GAP_MS) this.insert(place++, before + 1, this.gap())
    this.insert(place, time, values)
    if (after !== undefined && after - time > GAP_MS) this.insert(place + 1, time + 1, this.gap())
  }

  private insert(at: number, time: number, values: Values<Column>): void {
    const append = at === this.times.length
    if (append) this.times.push(time)
    else this.times.splice(at, 0, time)
    for (const name of this.names) {
      const cells = this.columns[name]
      const cell = carried(values[name], cells[at - 1])
      if (append) cells.push(cell)
      else cells.splice(at, 0, cell)
    }
  }

  private merge(at: number, values: Values<Column>): void {
    for (const name of this.names) if (values[name] !== undefined) this.columns[name][at] = values[name]
  }

  private evict(): void {
    const surplus = this.times.length - this.capacity
    this.times.splice(0, surplus)
    for (const name of this.names) this.columns[name].splice(0, surplus)
  }

  private gap(): Values<Column> {
    return Object.fromEntries(this.names.map((name) => [name, null])) as Values<Column>
  }
}

/** A gap goes on until somebody says something. */
export function carried(cell: Cell, before: Cell): Cell {
  return cell === undefined && before === null ? null : cell
}

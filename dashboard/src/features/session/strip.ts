// What one chart shows: curves, each a column of some store, and what stands there at an instant.

import type uPlot from 'uplot'

import type { Curve, CurveForm } from '@/charts/curve'
import { carried, type Cell, type SampleStore } from '@/charts/samples'

export interface Series {
  key: string
  label: string
  store: SampleStore<string>
  column: string
  curve: Curve
}

export interface LegendEntry {
  key: string
  label: string
  colour: string
  form: CurveForm | 'dashed'
  value: number | null
}

/** A value older than this is not the value of now. */
const FRESH_MS = 5_000

export function valueAt({ store, column, curve }: Series, at: number): number | null {
  const before = store.indexAt(at)
  // What was counted in a second is told at its end.
  const within = curve.form === 'second' && store.times[before] !== at && before + 1 < store.times.length
  const index = within ? before + 1 : before
  const time = store.times[index]
  return time === undefined || at - time > FRESH_MS ? null : store.valueAt(column, index)
}

/** The last curve is drawn over the others and named first. */
export function legendAt(series: readonly Series[], at: number): LegendEntry[] {
  return series.toReversed().map((one) => ({
    key: one.key,
    label: one.label,
    colour: one.curve.colour,
    form: one.curve.dash ? ('dashed' as const) : one.curve.form,
    value: valueAt(one, at),
  }))
}

/** The columns of the curves over one axis of time. Those of one store stand beside each other. */
export function dataOf(series: readonly Series[]): uPlot.AlignedData {
  const tables = [...new Set(series.map(({ store }) => store))].map((store) => ({
    times: store.times,
    cells: series.filter((one) => one.store === store).map(({ column }) => store.columns[column] ?? []),
  }))
  const [only] = tables
  const whole = tables.length === 1 && only ? [only.times, ...only.cells] : merged(tables)
  return whole as uPlot.AlignedData
}

interface Table {
  /** Ascending. */
  times: readonly number[]
  cells: readonly (readonly Cell[])[]
}

/** One pass over all of them, because it is made with every sample. */
function merged(tables: readonly Table[]): [number[], ...Cell[][]] {
  const times: number[] = []
  const columns = tables.map(({ cells }) => cells.map((): Cell[] => []))
  const places = tables.map(() => 0)
  for (;;) {
    const next = tables.reduce((least, table, t) => Math.min(least, table.times[places[t] ?? 0] ?? Infinity), Infinity)
    if (next === Infinity) return [times, ...columns.flat()]
    times.push(next)
    tables.forEach((table, t) => {
      const place = places[t] ?? 0
      const here = table.times[place] === next
      columns[t]?.forEach((column, c) =>
        column.push(carried(here ? table.cells[c]?.[place] : undefined, column.at(-1))),
      )
      if (here) places[t] = place + 1
    })
  }
}

export function versionOf(series: readonly Series[]): number {
  return series.reduce((sum, { store }) => sum + store.pulse.version.value, 0)
}

/** The largest value of any of the curves. */
export function maxOf(series: readonly Series[], from: number, to: number): number {
  return series.reduce((max, { store, column }) => Math.max(max, store.maxOf(column, from, to)), 0)
}

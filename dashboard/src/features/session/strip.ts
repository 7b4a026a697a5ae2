// What one chart shows: curves, each a column of some store, and what stands there at an instant.

import uPlot from 'uplot'

import type { Curve, CurveForm } from '@/charts/curve'
import type { SampleStore } from '@/charts/samples'

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

export function valueAt({ store, column }: Series, at: number): number | null {
  const index = store.indexAt(at)
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
  const stores = [...new Set(series.map(({ store }) => store))]
  const tables = stores.map(
    (store) =>
      [
        store.times,
        ...series.filter((one) => one.store === store).map(({ column }) => store.columns[column]),
      ] as uPlot.AlignedData,
  )
  const [only] = tables
  return tables.length === 1 && only ? only : uPlot.join(tables)
}

export function versionOf(series: readonly Series[]): number {
  return series.reduce((sum, { store }) => sum + store.pulse.version.value, 0)
}

/** The largest value of any of the curves. */
export function maxOf(series: readonly Series[], from: number, to: number): number {
  return series.reduce((max, { store, column }) => Math.max(max, store.maxOf(column, from, to)), 0)
}

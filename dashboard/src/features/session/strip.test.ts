import { expect, it } from 'vitest'

import { SampleStore } from '@/charts/samples'

import { dataOf, legendAt, maxOf, type Series, valueAt } from './strip'

const player = new SampleStore(['estimate'])
const link = new SampleStore(['delivered', 'asked'])
const of = (key: string, store: SampleStore<string>, dash?: number[]): Series => ({
  key,
  label: key,
  store,
  column: key,
  curve: { colour: 'ink', form: 'step', ...(dash ? { dash } : {}) },
})
const series = [of('estimate', player), of('delivered', link), of('asked', link, [4, 4])]
player.push(1_500, { estimate: 7 })
link.push(1_000, { delivered: 4, asked: 5 })
link.push(2_000, { delivered: null })

it('puts the curves of several stores over one axis: what nobody said is bridged, a gap stays one', () => {
  expect(dataOf(series)).toEqual([
    [1_000, 1_500, 2_000],
    [undefined, 7, undefined],
    [4, undefined, null],
    [5, undefined, undefined],
  ])
})

it('lets a gap go on where only the other store says something', () => {
  const other = new SampleStore(['estimate'])
  const gappy = new SampleStore(['asked'])
  for (const time of [1_100, 1_200, 1_300]) other.push(time, { estimate: 1 })
  for (const time of [1_000, 2_000]) gappy.push(time, { asked: null })
  expect(dataOf([of('estimate', other), of('asked', gappy)])[2]).toEqual([null, null, null, null, null])
})

it('takes the columns of one store as they are', () => {
  expect(dataOf(series.slice(1))[0]).toBe(link.times)
})

it('says what stands under the cursor, the topmost curve first, and nothing that is too old', () => {
  expect(legendAt(series, 2_100).map(({ key, form, value }) => [key, form, value])).toEqual([
    ['asked', 'dashed', 5],
    ['delivered', 'step', null],
    ['estimate', 'step', 7],
  ])
  expect(legendAt(series, 6_600).map(({ value }) => value)).toEqual([5, null, null])
})

it('says of what is counted in seconds the second around the cursor', () => {
  const store = new SampleStore(['lost'])
  for (const [time, lost] of [
    [1_000, 1],
    [2_000, 2],
  ] as const)
    store.push(time, { lost })
  const counted: Series = { ...of('lost', store), curve: { colour: 'ink', form: 'second' } }
  expect([1_000, 1_500, 2_000, 2_500].map((at) => valueAt(counted, at))).toEqual([1, 2, 2, 2])
})

it('finds the highest of several curves', () => {
  expect(maxOf(series, 0, 3_000)).toBe(7)
  expect(maxOf(series, 1_600, 3_000)).toBe(0)
})

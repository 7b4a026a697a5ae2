// The charts of a player, as facts: which column is which curve, and how high the scale goes.

import type { Curve } from '@/charts/curve'
import type { SampleStore } from '@/charts/samples'
import type { LinkColumn } from '@/features/live/linkSeries'
import type { PlayerColumn, SessionFeed } from '@/features/live/sessionFeed'
import { mbps } from '@/ui/format'

import { maxOf, type Series } from './strip'

type Top = (from: number, to: number) => number

export interface Strip {
  name: string
  title: string
  unit: string
  label: string
  height: number
  series: Series[]
  top: Top
  write: (value: number | null) => string
}

/** Room over the highest curve. */
const HEADROOM = 1.15

const written = (digits: number) => (value: number | null) => (value === null ? '–' : value.toFixed(digits))

/** A curve that is somebody's column. */
function curvesOf<Column extends string>(store: SampleStore<Column>) {
  return (key: string, column: Column, label: string, curve: Curve): Series => ({ key, label, store, column, curve })
}

/** `classes`: whether packets pass a class of the session's own in the kernel, so that there is a queue to look at. */
export function linkStrips(feed: SessionFeed, classes: boolean): { throughput: Strip; below: Strip[] } {
  const link = curvesOf<LinkColumn>(feed.link.samples)
  const below = [roundTrip(link), ...(classes ? [queue(link)] : []), lost(link, classes)]
  return { throughput: throughput(feed, classes), below }
}

type LinkCurve = (key: string, column: LinkColumn, label: string, curve: Curve) => Series

function throughput(feed: SessionFeed, classes: boolean): Strip {
  const player = curvesOf<PlayerColumn>(feed.samples)
  const link = curvesOf<LinkColumn>(feed.link.samples)
  const wire = link('wire', 'wire', 'on the wire', { colour: 'series-wire', form: 'line', width: 1 })
  const delivered = link('delivered', 'delivered', 'delivered', { colour: 'series-delivered', form: 'area' })
  const estimate = player('estimate', 'estimate', 'player’s estimate', {
    colour: 'series-estimate',
    form: 'line',
    width: 1,
  })
  const asked = link('asked', 'asked', 'cap asked', { colour: 'series-cap', form: 'step', dash: [4, 4], width: 1 })
  const inForce = link('in-force', 'inForce', 'cap in force', { colour: 'series-cap', form: 'step', width: 2 })
  const busy = [wire, delivered]
  const near = [inForce, asked, estimate]
  return {
    name: 'throughput',
    title: 'Throughput',
    unit: 'Mbit/s',
    label: 'Throughput in megabits per second: delivered, on the wire, cap in force, cap asked, the player’s estimate',
    height: 190,
    series: [estimate, delivered, ...(classes ? [wire] : []), asked, inForce],
    top: (from, to) => {
      const most = Math.max(maxOf(busy, from, to), feed.samples.maxOf('bitrate', from, to)) || 1
      // A cap or an estimate far above the traffic would press it flat; their numbers stand in the legend.
      const shown = near.map((one) => maxOf([one], from, to)).filter((value) => value <= 2.5 * most)
      return HEADROOM * Math.max(most, ...shown)
    },
    write: mbps,
  }
}

function roundTrip(link: LinkCurve): Strip {
  const series = [
    link('ping', 'ping', 'path ping', { colour: 'series-estimate', form: 'line', dash: [2, 3], width: 1 }),
    link('rtt-min', 'rttMin', 'least of the second', { colour: 'series-rtt', form: 'line', width: 1 }),
    link('rtt', 'rtt', 'TCP, mean', { colour: 'series-rtt', form: 'area' }),
  ]
  return {
    name: 'rtt',
    title: 'Round trip',
    unit: 'ms',
    label: 'Round trip in milliseconds: of TCP, mean and least of each second, and of the path ping',
    height: 84,
    series,
    top: (from, to) => HEADROOM * Math.max(maxOf(series, from, to), 1),
    write: (value) => written(value !== null && value < 10 ? 2 : 0)(value),
  }
}

function queue(link: LinkCurve): Strip {
  const series = [
    link('waiting-most', 'waitingMost', 'most of the second', { colour: 'series-queue', form: 'line', width: 1 }),
    link('waiting', 'waiting', 'waiting, mean', { colour: 'series-queue', form: 'area' }),
  ]
  return {
    name: 'queue',
    title: 'Queue',
    unit: 'kB',
    label: 'Bytes that wait in the kernel to go to the player, in thousands: mean and most of each second',
    height: 72,
    series,
    top: (from, to) => HEADROOM * Math.max(maxOf(series, from, to), 10),
    write: written(1),
  }
}

function lost(link: LinkCurve, classes: boolean): Strip {
  const series = [
    link('retransmits', 'repeated', 'segments sent again', { colour: 'series-lost', form: 'second' }),
    ...(classes
      ? [link('drops', 'dropped', 'dropped by a full queue', { colour: 'series-queue', form: 'second' })]
      : []),
  ]
  return {
    name: 'lost',
    title: 'Lost',
    unit: 'in the second',
    label: 'Segments that TCP sent again, and packets that found the queue full, in each second',
    height: 72,
    series,
    top: (from, to) => HEADROOM * Math.max(maxOf(series, from, to), 5),
    write: written(0),
  }
}

export function bufferStrip(feed: SessionFeed): Strip {
  const player = curvesOf<PlayerColumn>(feed.samples)
  const series = [player('buffer', 'buffer', 'ahead of the playhead', { colour: 'series-buffer', form: 'area' })]
  return {
    name: 'buffer',
    title: 'Buffer',
    unit: 's',
    label: 'Contiguous buffer ahead of the playhead in seconds',
    height: 104,
    series,
    top: (from, to) => HEADROOM * Math.max(maxOf(series, from, to), 4),
    write: written(1),
  }
}

/** `rungs`: how many have names; without, the rates themselves are the scale. */
export function rungStrip(feed: SessionFeed, rungs: number | undefined): Strip {
  const player = curvesOf<PlayerColumn>(feed.samples)
  const series = [player('rung', 'bitrate', 'on screen', { colour: 'series-rung', form: 'step', width: 2 })]
  return {
    name: 'rung',
    title: 'Rung',
    unit: 'Mbit/s',
    label: 'Bitrate of the rendition on screen, on the rungs of the ladder',
    height: rungs !== undefined ? 40 + 22 * rungs : 110,
    series,
    top: (from, to) => (rungs !== undefined ? rungs - 0.5 : HEADROOM * Math.max(maxOf(series, from, to), 1)),
    write: mbps,
  }
}

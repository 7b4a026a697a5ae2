// Marks on the axis of time: what an operator did, which step a pattern took, where a rule fired, where playback stalled, and
// what the rig does not see.
//
// Invariant: marks are bounded and in order; a mark that comes twice (same id) is kept once.

import { faded, type Paint } from './ink'
import { Pulse } from './pulse'
import type { Span } from './window'

export type MarkKind = 'rate' | 'step' | 'rule' | 'fired' | 'struck' | 'stall' | 'unseen'

export interface Mark {
  id: string
  kind: MarkKind
  at: number
  /** A band instead of a line. */
  until?: number
  text: string
  /** What to do about it. */
  advice?: string | undefined
  /** The line of configuration that does it. */
  setting?: string | undefined
}

const CAPACITY = 2_000

export class MarkStore {
  readonly all: Mark[] = []
  readonly pulse = new Pulse()

  push(mark: Mark): void {
    const known = this.all.findIndex((other) => other.id === mark.id)
    if (known >= 0) this.all.splice(known, 1)
    let at = this.all.length
    while (at > 0 && (this.all[at - 1]?.at ?? 0) > mark.at) at -= 1
    this.all.splice(at, 0, mark)
    if (this.all.length > CAPACITY) this.all.splice(0, this.all.length - CAPACITY)
    this.pulse.touch()
  }

  within({ from, to }: Span): Mark[] {
    return this.all.filter((mark) => (mark.until ?? mark.at) >= from && mark.at <= to)
  }

  /** The nearest mark before or after an instant. */
  step(from: number, direction: 1 | -1): Mark | undefined {
    return direction === 1
      ? this.all.find((mark) => mark.at > from + 1)
      : this.all.findLast((mark) => mark.at < from - 1)
  }

  clear(): void {
    this.all.length = 0
    this.pulse.touch()
  }
}

export interface Surface {
  context: CanvasRenderingContext2D
  left: number
  top: number
  width: number
  height: number
  x: (time: number) => number
  ratio: number
}

/** Tokens of the style sheet. */
export const MARK_COLOUR: Record<MarkKind, string> = {
  rate: 'mark-rate',
  step: 'mark-rate',
  rule: 'mark-rule',
  fired: 'mark-rule',
  struck: 'mark-rule',
  stall: 'mark-stall',
  unseen: 'unseen',
}
type HeadShape = 'flag' | 'triangle' | 'eye'

/** What stands at the top of a line, where something does. */
const HEAD: Partial<Record<MarkKind, HeadShape>> = { rate: 'flag', rule: 'triangle', unseen: 'eye' }

/** How high a line is that is no more than a tick, at the foot or at the top. */
const TICK = 9

/** Bands under the curves. */
export function drawBands(surface: Surface, marks: readonly Mark[], ink: Paint): void {
  const { context, top, height, left, width, x, ratio } = surface
  for (const mark of marks) {
    if (mark.until === undefined) continue
    context.fillStyle = faded(ink(MARK_COLOUR[mark.kind]), 18)
    const start = Math.max(left, x(mark.at))
    const end = Math.min(left + width, Math.max(x(mark.until), start + 2 * ratio))
    context.fillRect(start, top, end - start, height)
  }
}

/** Lines and their heads over the curves: a flag for what was done, a tick at the foot for what a rule did, one at the top for a step. */
export function drawLines(surface: Surface, marks: readonly Mark[], ink: Paint): void {
  const { context, top, height, left, width, x, ratio } = surface
  for (const mark of marks) {
    const at = Math.round(x(mark.at)) + 0.5
    if (at < left || at > left + width) continue
    context.strokeStyle = context.fillStyle = ink(MARK_COLOUR[mark.kind])
    context.lineWidth = ratio
    const shape = HEAD[mark.kind]
    context.setLineDash(shape ? [2 * ratio, 2 * ratio] : [])
    context.beginPath()
    context.moveTo(at, mark.kind === 'fired' ? top + height - TICK * ratio : top)
    context.lineTo(at, mark.kind === 'step' ? top + TICK * ratio : top + height)
    context.stroke()
    context.setLineDash([])
    if (shape) drawHead(context, at, top, 5 * ratio, shape)
  }
}

function drawHead(context: CanvasRenderingContext2D, x: number, y: number, size: number, shape: HeadShape): void {
  context.beginPath()
  if (shape === 'eye') {
    context.ellipse(x, y + size, size * 1.4, size * 0.9, 0, 0, 2 * Math.PI)
    context.moveTo(x - size, y + size * 1.9)
    context.lineTo(x + size, y)
    context.stroke()
    return
  }
  context.moveTo(x - size, y)
  context.lineTo(x + size, y)
  if (shape === 'triangle') {
    context.lineTo(x, y + size * 1.6)
  } else {
    context.lineTo(x + size, y + size)
    context.lineTo(x, y + size * 1.7)
    context.lineTo(x - size, y + size)
  }
  context.closePath()
  context.fill()
}

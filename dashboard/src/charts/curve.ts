// How a column is drawn, and what stands at the axis instead of numbers.

/** A `second` is a value of the time before it: what was counted or measured until then. */
export type CurveForm = 'line' | 'step' | 'area' | 'second'

export interface Curve {
  /** A token of the style sheet. */
  colour: string
  form: CurveForm
  dash?: number[]
  width?: number
}

export interface Tick {
  value: number
  label: string
}

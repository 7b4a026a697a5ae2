// The colours of the style sheet for whoever draws on a canvas.

export type Paint = (token: string) => string

/** Reads tokens as they are now; take a new one when the theme changes. */
export function currentInk(): Paint {
  const style = getComputedStyle(document.documentElement)
  return (token) => style.getPropertyValue(`--${token}`).trim()
}

export function faded(colour: string, percent: number): string {
  return `color-mix(in srgb, ${colour} ${percent}%, transparent)`
}

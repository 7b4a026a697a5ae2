// The colours of the style sheet for whoever draws on a canvas.

export type Paint = (token: string) => string

/** Reads tokens as they are now; take a new one when the theme changes. */
export function currentInk(): Paint {
  const style = getComputedStyle(document.documentElement)
  const known = new Map<string, string>()
  return (token) => {
    const colour = known.get(token) ?? style.getPropertyValue(`--${token}`).trim()
    known.set(token, colour)
    return colour
  }
}

export function faded(colour: string, percent: number): string {
  return `color-mix(in srgb, ${colour} ${percent}%, transparent)`
}

// The rig's clock, as far as it can be told from here.
//
// A frame that was sent just now carries the rig's time and arrives a little later, so the largest difference seen is the
// closest to the truth. Rows of the past must not be shown to it.

export class RigClock {
  private offset = -Infinity

  constructor(private readonly local: () => number = Date.now) {}

  /** A frame with the rig's time arrived. */
  observe(rigTime: number): void {
    if (Number.isFinite(rigTime)) this.offset = Math.max(this.offset, rigTime - this.local())
  }

  now(): number {
    return this.local() + (Number.isFinite(this.offset) ? this.offset : 0)
  }
}

export const rigClock = new RigClock()

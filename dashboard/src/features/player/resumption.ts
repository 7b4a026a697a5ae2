// Whether a play is to begin again by itself because the rig was away, and not because of what a rule or a viewer did.
//
// Invariant: only a play that went on when the rig left begins again, at most once for each time the rig came back. What fails
// while the rig is there stays failed, so that it can be seen. Deliberately absent: the clock; whoever asks says that it is
// overdue.

export class Resumption {
  private rigAway = false
  /** Whether the rig was away since the play last got something from it. */
  private harmed = false
  private failed = false

  /** Whether the play waits for the rig to come back. */
  get isWaiting(): boolean {
    return this.harmed && this.rigAway
  }

  /** The rig is away. `going` is whether a play is going on, also one that waits for data. */
  leave(going: boolean): void {
    if (this.rigAway) return
    this.rigAway = true
    if (going) this.harmed = true
  }

  /** The rig is back. Returns whether to begin again now. */
  comeBack(): boolean {
    if (!this.rigAway) return false
    this.rigAway = false
    return this.failed && this.claim()
  }

  /** The play failed. Returns whether to begin again now. */
  fail(): boolean {
    this.failed = true
    return !this.rigAway && this.claim()
  }

  /** The rig is back for a while. Returns whether to begin again, where the play still waits. */
  isOverdue(waits: boolean): boolean {
    return !this.rigAway && (waits || this.failed) && this.claim()
  }

  /** The play got something from the rig. */
  advance(): void {
    if (!this.rigAway) this.harmed = false
  }

  /** A play begins, or ends as the viewer wants. */
  begin(): void {
    this.failed = false
    this.harmed = false
  }

  private claim(): boolean {
    const { harmed } = this
    this.harmed = false
    return harmed
  }
}

// Says "something changed" at most once per animation frame, however often it is told.

import { ref, type Ref } from 'vue'

type Schedule = (run: () => void) => void

const byFrame: Schedule = (run) => {
  if (typeof requestAnimationFrame === 'function') requestAnimationFrame(run)
  else run()
}

export class Pulse {
  readonly version: Ref<number> = ref(0)
  private waiting = false

  constructor(private readonly schedule: Schedule = byFrame) {}

  touch(): void {
    if (this.waiting) return
    this.waiting = true
    this.schedule(() => {
      this.waiting = false
      this.version.value += 1
    })
  }
}

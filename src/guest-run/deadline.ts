/** A deadline that moves: when it passes, `onPassed` is called once with the time that had been given. */
export class Deadline implements Disposable {
  private timer: NodeJS.Timeout | undefined
  private over = false
  private readonly onPassed: (givenMs: number) => void

  constructor(ms: number, onPassed: (givenMs: number) => void) {
    this.onPassed = onPassed
    this.set(ms)
  }

  /** From now on; a deadline that has passed stays so. */
  set(ms: number): void {
    if (this.over) return
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      this.over = true
      this.onPassed(ms)
    }, ms)
  }

  [Symbol.dispose](): void {
    this.over = true
    clearTimeout(this.timer)
  }
}

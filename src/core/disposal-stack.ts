/**
 * Several open things, given back in the reverse of the order in which they were taken: AsyncDisposableStack, which
 * Node 22 does not have.
 */
export class DisposalStack implements AsyncDisposable {
  private readonly undos: (() => unknown)[] = []
  private disposing: Promise<void> | undefined

  /** Takes a thing, and returns it. */
  use<T extends AsyncDisposable>(thing: T): T {
    this.defer(() => thing[Symbol.asyncDispose]())
    return thing
  }

  /** Takes a step to be done when the others, taken later, have been given back. */
  defer(undo: () => unknown): void {
    if (this.disposing) throw new TypeError('a stack that was disposed of takes nothing more')
    this.undos.push(undo)
  }

  /** Gives everything back, once, and goes on after a failure. @throws the failure; AggregateError of several */
  [Symbol.asyncDispose](): Promise<void> {
    this.disposing ??= this.disposeAll()
    return this.disposing
  }

  private async disposeAll(): Promise<void> {
    const failures: unknown[] = []
    for (const undo of this.undos.toReversed()) {
      try {
        await undo()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length === 1) throw failures[0]
    if (failures.length > 1)
      throw new AggregateError(failures, `${failures.length} things could not be given back`)
  }
}

/** Work done side by side, of which nothing is still going on when the caller goes on. */

type Settled<T extends readonly unknown[]> = { -readonly [P in keyof T]: Awaited<T[P]> }

/**
 * Like `Promise.all`, but waits until every task has ended also when one fails: what is taken down afterwards is not being
 * built at the same time. Throws the first failure that is not merely the echo of an interruption.
 */
export async function together<const T extends readonly unknown[]>(tasks: T): Promise<Settled<T>> {
  const outcomes = await Promise.allSettled(tasks)
  const failures = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
  )
  if (failures.length > 0) throw failures.find((failure) => !isAbort(failure)) ?? failures[0]
  return outcomes.map((outcome) => (outcome as PromiseFulfilledResult<unknown>).value) as Settled<T>
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

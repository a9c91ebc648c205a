/** Work side by side. */

/**
 * Waits for each to end, also when one fails, so that nothing goes on behind an undo's back.
 * @throws the failure; an AggregateError when there are several
 */
export async function together<const T extends readonly unknown[]>(
  tasks: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const outcomes = await Promise.allSettled(tasks)
  const failures = outcomes
    .filter((outcome) => outcome.status === 'rejected')
    .map((outcome) => outcome.reason as unknown)
  if (failures.length === 1) throw failures[0]
  if (failures.length > 1) throw new AggregateError(failures, `${failures.length} things failed at once`)
  const values = outcomes.filter((outcome) => outcome.status === 'fulfilled').map((outcome) => outcome.value)
  return values as { -readonly [K in keyof T]: Awaited<T[K]> }
}

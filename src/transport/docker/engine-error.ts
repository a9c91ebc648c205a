/** What the Docker Engine answers when it refuses, as dockerode passes it on. */

/** The HTTP status of an engine's refusal; undefined for anything else. */
export function engineStatus(error: unknown): number | undefined {
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number')
    return error.statusCode
  return undefined
}

/** Runs `call`; an answer with one of `statuses` counts as done (404: already gone, 304: already so). */
export async function accepting(statuses: readonly number[], call: () => Promise<unknown>): Promise<void> {
  try {
    await call()
  } catch (error) {
    const status = engineStatus(error)
    if (status === undefined || !statuses.includes(status)) throw error
  }
}

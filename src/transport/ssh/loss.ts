/** What ssh2's errors mean, where its own words say too little. */

/** Why a connection was lost, for people. */
export function lossOf(error: Error): Error {
  if (error.message !== 'Keepalive timeout') return error
  return new Error(
    'it was asked whether it is there, and has not answered for half a minute: it stands still, is gone, or the network to it is',
    { cause: error },
  )
}

/** SSH_OPEN_CONNECT_FAILED of RFC 4254: nothing was begun. */
export function isConnectFailed(error: unknown): boolean {
  return error instanceof Error && 'reason' in error && error.reason === 2
}

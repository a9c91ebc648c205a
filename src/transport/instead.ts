/**
 * What a plan puts in the place of connections, engines and the controller's programs: it writes down what would be sent, and
 * answers (src/plan). Whoever deploys, prepares and measures is the same code, and cannot tell.
 */
import type { CommandResult } from '../core/command-result.ts'
import type { DialModem } from './docker/observed-modem.ts'
import type { HostAddress } from './ssh/address.ts'
import type { ConnectOptions } from './ssh/connect.ts'
import type { SshHost } from './ssh/ssh-host.ts'

export interface Instead {
  /** @throws what a connection throws before it reaches the host */
  connect(host: HostAddress, options: ConnectOptions): Promise<SshHost>
  /** A call of the Docker API on the engine of `host`. */
  dial(host: SshHost): DialModem
  /** A program of the controller. */
  locally(argv: readonly string[]): Promise<CommandResult>
}

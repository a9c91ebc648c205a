/** How to reach one machine by SSH. Plain data: it also goes into the journal, for a clean-up without the config. */

export interface HostAddress {
  /** As the config names it. */
  readonly name: string
  readonly address: string
  readonly port: number
  readonly user: string
  /** The private key's file. It is read on the controller and never leaves it. */
  readonly keyFile: string
  /** A public key line, a `SHA256:` fingerprint or a file; without it known_hosts decides. */
  readonly hostKey?: string | undefined
  /** Commands go through `sudo -n`. Default false. */
  readonly sudo?: boolean | undefined
}

/** How to reach one machine by SSH. Plain data: it also goes into the journal, for a clean-up without the config. */
import { z } from 'zod'
import type { JournalHost } from '../../core/journal.ts'

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

/** An address as the journal has it. */
export const journalHostSchema = z.object({
  name: z.string(),
  address: z.string(),
  port: z.number(),
  user: z.string(),
  keyFile: z.string(),
  hostKey: z.string().optional(),
  sudo: z.boolean(),
})

/** An address as it goes into the journal. */
export function journalHost({ name, address, port, user, keyFile, hostKey, sudo }: HostAddress): JournalHost {
  return {
    name,
    address,
    port,
    user,
    keyFile,
    sudo: sudo ?? false,
    ...(hostKey !== undefined && { hostKey }),
  }
}

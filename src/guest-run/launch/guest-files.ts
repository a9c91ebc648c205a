/** What a guest run boots when it brings no kernel of its own. */
export interface GuestFiles {
  /** A raw disk with an MBR, whose first partition is the root file system. It is never written to. */
  readonly disk: string
  /** Of the label of its root file system. */
  readonly label: string
  /** The distribution's kernel and the initial file system that knows its modules. */
  readonly kernel: string
  readonly initrd: string
  /** The first program, below the root: brings up what the guest's service needs, runs it, and powers off. */
  readonly init: string
}

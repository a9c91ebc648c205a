/** What a guest run asks of whatever starts its disposable VM: QEMU, libvirt, or gem5. Everything else is the run's. */

/** A VM to be made, used once, and removed with all that was made for it. */
export interface GuestPlan {
  /** Unique, and safe as the name of a file, a domain and a host. */
  readonly name: string
  readonly memoryMiB: number
  readonly cpus: number
  /**
   * Sizes in bytes of empty raw disks, in the order in which the guest sees them: `/dev/vda` is the first where the root
   * file system is on no disk. Their serial numbers are `scratch0`, `scratch1`, …, by which guest/run.sh knows them.
   */
  readonly scratch: readonly number[]
  /** Added to the kernel's command line, as given. */
  readonly kernelArgs: readonly string[]
  /** `user`: the host is `_gateway` (10.0.2.2) and nothing else is reached but by NAT; `none`: no NIC. */
  readonly network: 'user' | 'none'
  /** A kernel in the place of the guest image's own, with its initrd and modules where it has them. Paths of files. */
  readonly kernel?: {
    readonly image: string
    readonly initrd?: string
    /** A folder with `lib/modules/<release>`. */
    readonly modules?: string
  }
}

/** How a VM ended. What that means for the run is said by the run, which has read the console. */
export type GuestEnd =
  /** The guest powered itself off. */
  | { readonly how: 'powered-off' }
  /** The guest reset itself: after a panic, where its kernel was told so, or by `reboot`. It is not started again. */
  | { readonly how: 'reset' }
  /** Its process died without being asked to. `detail`: signal or exit status, with the last lines it wrote. */
  | { readonly how: 'died'; readonly detail: string }
  /** `stop` ended it. */
  | { readonly how: 'stopped' }

export interface RunningGuest extends AsyncDisposable {
  /** The serial console so far and from now on, in pieces as they come; ends with the VM. One reader. */
  readonly console: AsyncIterable<string>
  readonly ended: Promise<GuestEnd>
  /** Types into the serial console. */
  send(text: string): Promise<void>
  /** Asks the process to end (SIGTERM), waits `graceMs`, then kills it (SIGKILL). Idempotent. */
  stop(graceMs: number): Promise<void>
  /** Ends what still runs, and removes disks, sockets and definitions. Idempotent. */
  [Symbol.asyncDispose](): Promise<void>
}

export interface LaunchOptions {
  /** Where sockets and overlays go; there, empty, and removed by the caller. */
  readonly folder: string
  readonly signal: AbortSignal
  /**
   * The TCP port of this machine on which the run's files are served, on loopback only. The guest's service
   * (guest/service.sh) is told of it by the kernel argument `dpbench.server=<address as the guest sees it>:<port>`.
   */
  readonly port: number
  /** The folder that is served; `run.sh` in it is what a launcher without a network (gem5) hands to the guest itself. */
  readonly files: string
}

export interface Launcher {
  readonly name: 'qemu' | 'libvirt' | 'gem5'
  /**
   * Starts the VM; resolves once its process runs and its console is being read.
   * @throws GuestRunError when it cannot be started, with what to do
   */
  start(plan: GuestPlan, options: LaunchOptions): Promise<RunningGuest>
  /** What `start` would run, argument by argument: for `--dry-run`, and for who wants to run it by hand. */
  describe(
    plan: GuestPlan,
    options: Pick<LaunchOptions, 'folder' | 'port' | 'files'>,
  ): Promise<readonly string[][]>
}

/**
 * A machine that a test drives: what hypervisors and VMs have in common. Every wait is bounded, every error names the machine,
 * and what was opened for a test is closed when the test ends.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { UsageError } from '../core/errors.ts'
import { asStep } from '../core/steps.ts'
import type { SshHost } from '../transport/ssh/ssh-host.ts'
import { type Commands, type Executed, execute, fail, succeed, waitUntil } from './commands.ts'
import { copyFrom, copyTo } from './copy.ts'
import { type ForwardOptions, type ForwardedPort, forwardPort } from './forward.ts'
import { PutBacks } from './put-back.ts'
import type { Reachable, TimedOptions } from './reachable.ts'
import {
  type UnitInfo,
  type UnitOptions,
  changeUnit,
  getUnitInfo,
  requireUnitState,
  systemctl,
  waitForUnit,
} from './units.ts'
import {
  type PortOptions,
  type UnixSocketOptions,
  waitForFile,
  waitForPort,
  waitForUnixSocket,
} from './waits.ts'

/** The test that uses the machine now. */
export interface TestUse {
  /** Aborts what the test began when it ends early. */
  readonly signal: AbortSignal
  /** Takes what `log` says. */
  readonly log: (line: string) => void
}

export abstract class Machine implements Reachable, AsyncDisposable {
  /** As the config names it. */
  abstract readonly name: string
  /** The connection that there is now. After a reboot it is another one. */
  abstract readonly ssh: SshHost
  /** What the test changed, and has to be put back. */
  readonly putBacks = new PutBacks()
  private use: TestUse | undefined
  private mark: (() => Promise<string>) | undefined;

  abstract [Symbol.asyncDispose](): Promise<void>

  get signal(): AbortSignal | undefined {
    return this.use?.signal
  }

  /** From now on what is asked of the machine belongs to that test, or to none. */
  during(use: TestUse | undefined): void {
    this.use = use
  }

  /** From now on commands carry what `mark` gives, in their environment. */
  markCommands(mark: () => Promise<string>): void {
    this.mark = mark
  }

  async commandMark(): Promise<string | undefined> {
    return this.mark?.()
  }

  /** Puts back what was changed since the last time, newest first. @throws what could not be; AggregateError of several */
  putBack(): Promise<void> {
    this.use = undefined
    return this.putBacks.run()
  }

  /** The connection. @throws ConnectionError when it is lost */
  async connection(_timeoutMs?: number): Promise<SshHost> {
    return this.ssh
  }

  /**
   * Runs shell commands in turn, up to the first that fails, with `set -euo pipefail`; resolves however they end.
   * @throws MachineCommandError at the deadline (`{ timeoutMs }` after the commands, 60 s), ConnectionError
   */
  execute(...commands: Commands): Promise<Executed> {
    return execute(this, commands)
  }

  /**
   * Runs shell commands in turn and returns their standard output.
   * @throws MachineCommandError, with status and output, of the first that fails or is not done at the deadline
   */
  succeed(...commands: Commands): Promise<string> {
    return succeed(this, commands)
  }

  /** Runs shell commands in turn, each of which has to fail. @throws MachineCommandError of the first that does not */
  fail(...commands: Commands): Promise<string> {
    return fail(this, commands)
  }

  /** Runs each command again until it succeeds; returns the standard output of that run. @throws WaitError at the deadline */
  waitUntilSucceeds(...commands: Commands): Promise<string> {
    return waitUntil('succeeds', this, commands)
  }

  /** Runs each command again until it fails; returns the standard output of that run. @throws WaitError at the deadline */
  waitUntilFails(...commands: Commands): Promise<string> {
    return waitUntil('fails', this, commands)
  }

  /** Runs `systemctl`; resolves however it ends. @throws MachineError where no systemd runs */
  systemctl(args: string | readonly string[], options?: UnitOptions): Promise<Executed> {
    return systemctl(this, args, options)
  }

  /** All properties of a unit, as `systemctl show` has them. @throws MachineError */
  getUnitInfo(unit: string, options?: UnitOptions): Promise<UnitInfo> {
    return getUnitInfo(this, unit, options)
  }

  /**
   * Waits until a unit is active.
   * @throws WaitError at once when it has failed, or is inactive and systemd has no job pending; at the deadline (60 s)
   */
  waitForUnit(unit: string, options?: UnitOptions): Promise<void> {
    return this.step(`wait for the unit ${unit}`, () => waitForUnit(this, unit, options))
  }

  /** @throws MachineError when the unit is not in `state` (default `active`) */
  requireUnitState(unit: string, state?: string, options?: UnitOptions): Promise<void> {
    return requireUnitState(this, unit, state, options)
  }

  /** Starts a unit; resolves when systemd says that it has started. @throws MachineError with systemd's reason */
  startUnit(unit: string, options?: UnitOptions): Promise<void> {
    return changeUnit(this, 'start', unit, options)
  }

  /** Stops a unit; resolves when it has stopped. @throws MachineError with systemd's reason */
  stopUnit(unit: string, options?: UnitOptions): Promise<void> {
    return changeUnit(this, 'stop', unit, options)
  }

  /** Waits until there is something of that path. @throws WaitError at the deadline (60 s) */
  waitForFile(path: string, options?: TimedOptions): Promise<void> {
    return this.step(`wait for ${path}`, () => waitForFile(this, path, options))
  }

  /**
   * Waits until a socket listens on the port, by the machine's own table (`ss`); with `from`, until that machine can connect.
   * @throws WaitError at the deadline (60 s), with what was open instead
   */
  waitForOpenPort(port: number, options?: PortOptions): Promise<void> {
    return this.step(`wait for the open port ${port}`, () => waitForPort(this, 'open', port, options))
  }

  /** Waits until nothing listens on the port, or `from` cannot connect. @throws WaitError at the deadline (60 s) */
  waitForClosedPort(port: number, options?: PortOptions): Promise<void> {
    return this.step(`wait for the closed port ${port}`, () => waitForPort(this, 'closed', port, options))
  }

  /** Waits until a process serves a Unix socket at the path. @throws WaitError at the deadline (60 s) */
  waitForUnixSocket(path: string, options?: UnixSocketOptions): Promise<void> {
    return this.step(`wait for the socket ${path}`, () => waitForUnixSocket(this, path, options))
  }

  /**
   * Copies a file, or what is in a folder, of the controller to `target`, with modes and symbolic links. A target that ends in
   * `/` is the folder that it goes into under its own name. Within 10 minutes, or `timeoutMs`.
   * @throws UsageError when there is no `source`, MachineError
   */
  copyToGuest(source: string, target: string, options?: TimedOptions): Promise<void> {
    return copyTo(this, source, target, options)
  }

  /** Copies a file, or what is in a folder, of the machine to `target` on the controller, likewise. @throws MachineError */
  copyFromGuest(source: string, target: string, options?: TimedOptions): Promise<void> {
    return copyFrom(this, source, target, options)
  }

  /**
   * Makes a TCP port of the machine a port of the controller, through the SSH connection, until the test ends.
   * @throws UsageError, MachineError when the local port is taken
   */
  async forwardPort(guestPort: number, options?: ForwardOptions): Promise<ForwardedPort> {
    const forwarded = await forwardPort(this, guestPort, options)
    const { port, address } = forwarded
    this.putBacks.add(`port ${address} ${port}`, () => forwarded.close())
    return forwarded
  }

  /** Waits for so many milliseconds, by the controller's clock. Ends with the test. For readiness there are better waits. */
  async sleep(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < 2 ** 31))
      throw new UsageError(`${this.name}.sleep(${ms}): write milliseconds, 0 or more`)
    await this.step(`sleep ${ms} ms`, () =>
      delay(ms, undefined, { ...(this.signal && { signal: this.signal }) }),
    )
  }

  /** Says something in the run's output and timeline. */
  log(text: string): void {
    this.use?.log(`${this.name}: ${text}`)
    this.ssh.observe?.({ machine: this.name, kind: 'phase', name: text })({ outcome: 'ok' })
  }

  /** Does `work` as one step of the timeline. */
  protected step<T>(name: string, work: () => Promise<T>): Promise<T> {
    return asStep(this.ssh.observe, { machine: this.name, kind: 'phase', name }, work, this.signal)
  }
}

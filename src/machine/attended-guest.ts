/**
 * A VM as somebody who sits before it has it: console, screen, keyboard, QEMU's monitor, windows. All of it goes through
 * the hypervisor, but the windows; a guest that is no libvirt domain has none of it, and says so.
 */
import type { HostAddress } from '../transport/ssh/address.ts'
import { type ConsoleWaitOptions, GuestConsole } from './console.ts'
import type { Hypervisor } from './hypervisor.ts'
import { sendChars, sendKeys } from './keys.ts'
import type { KernelTrouble } from './kernel-trouble.ts'
import { Machine } from './machine.ts'
import { type MonitorOptions, type QmpCommand, monitorCommand } from './monitor.ts'
import { type EventWaitOptions, type QemuEvent, QemuEvents } from './qemu-events.ts'
import { type ScreenWaitOptions, screenText, screenshot, waitForScreenText } from './screen.ts'
import { type TextPattern, shown } from './text-pattern.ts'
import { KernelWatch } from './watchdog.ts'
import { type WindowOptions, getWindowNames, waitForWindow, waitForX } from './windows.ts'

export abstract class AttendedGuest extends Machine {
  abstract readonly hypervisor: Hypervisor
  abstract readonly address: HostAddress
  private ownConsole: GuestConsole | undefined
  private ownWatch: KernelWatch | undefined
  private listeners = 0

  /** What its kernel says on the console that means trouble. */
  get kernelWatch(): KernelWatch {
    return (this.ownWatch ??= KernelWatch.ofGuest(this))
  }

  private get console(): GuestConsole {
    return (this.ownConsole ??= new GuestConsole(this))
  }

  /** From here on `waitForConsoleText` looks: what was on the console before a test is not the test's. */
  async attend(): Promise<void> {
    await this.console.begin()
  }

  /**
   * Waits until the serial console has said it, since the test began or the last such wait ended; returns the match and its
   * groups. Ends at once when the kernel is in trouble, unless that is what was waited for.
   * @throws WaitError at the deadline (60 s), with the console's end; MachineError
   */
  waitForConsoleText(pattern: TextPattern, options: ConsoleWaitOptions = {}): Promise<readonly string[]> {
    const name = `wait for ${shown(pattern)} on the console`
    return this.step(name, () => this.console.waitForText(pattern, options, () => this.kernelWatch.refuse()))
  }

  /** All that the serial console has said, up to the last 4 MiB; of earlier boots too. @throws MachineError */
  consoleLog(): Promise<string> {
    return this.console.text()
  }

  /** Types on the serial console; a line ends with `\n`. @throws MachineError when it is open elsewhere, or the VM is off */
  sendConsole(text: string): Promise<void> {
    return this.console.send(text)
  }

  /**
   * What the kernel reported since it was last asked, for a test that provokes it: what is taken fails nothing. Taking nothing,
   * the test fails with it when it ends.
   */
  takeKernelTrouble(): Promise<readonly KernelTrouble[]> {
    return this.kernelWatch.take()
  }

  /** The screen as a PNG, written to `file` too. @throws MachineError when it has no video device, or is off */
  screenshot(file?: string): Promise<Buffer> {
    return screenshot(this, file)
  }

  /** The screen's text as the controller's `tesseract` reads it. @throws MachineError */
  screenText(): Promise<string> {
    return screenText(this)
  }

  /** Waits until the screen shows it; returns all that it shows. @throws WaitError at the deadline (60 s), MachineError */
  waitForScreenText(pattern: TextPattern, options?: ScreenWaitOptions): Promise<string> {
    return this.step(`wait for ${shown(pattern)} on the screen`, () =>
      waitForScreenText(this, pattern, options),
    )
  }

  /** Presses chords, `ctrl-alt-f2`, `ret`, one after the other. @throws UsageError for a key that there is not, MachineError */
  sendKeys(...chords: readonly string[]): Promise<void> {
    return sendKeys(this, chords)
  }

  /** Types a text on a US keyboard. @throws UsageError for a character that has no key there, MachineError */
  sendChars(text: string): Promise<void> {
    return sendChars(this, text)
  }

  /** Waits until the guest's X server answers. @throws WaitError at the deadline (60 s), MachineError without xwininfo */
  waitForX(options?: WindowOptions): Promise<void> {
    return this.step('wait for the X server', () => waitForX(this, options))
  }

  /** Waits for a window of that name; returns the name. @throws WaitError at the deadline (60 s), MachineError */
  waitForWindow(name: TextPattern, options?: WindowOptions): Promise<string> {
    return this.step(`wait for the window ${shown(name)}`, () => waitForWindow(this, name, options))
  }

  /** The names of all windows. @throws MachineError without an X server, or without xwininfo */
  getWindowNames(options?: WindowOptions): Promise<string[]> {
    return getWindowNames(this, options)
  }

  /** A line for QEMU's human monitor; returns what it prints. @throws MachineError when it refuses */
  monitorCommand(command: string, options?: MonitorOptions): Promise<string>
  /** A QMP command; returns its `return`. @throws MachineError when it refuses */
  monitorCommand(command: QmpCommand, options?: MonitorOptions): Promise<unknown>
  async monitorCommand(command: string | QmpCommand, options?: MonitorOptions): Promise<unknown> {
    return monitorCommand(this, command, options)
  }

  /** Listens to QEMU's events until it is closed (`await using`), at the latest until the test ends. @throws MachineError */
  async qemuEvents(): Promise<QemuEvents> {
    const events = await QemuEvents.of(this)
    this.putBacks.add(`events ${++this.listeners}`, () => events.close())
    return events
  }

  /**
   * Listens, does `trigger`, and waits for the event that comes of it.
   * @throws WaitError at the deadline (60 s), with what came instead; MachineError; what `trigger` throws
   */
  async waitForEvent(
    event: string,
    options: EventWaitOptions & { readonly trigger?: () => Promise<unknown> } = {},
  ): Promise<QemuEvent> {
    const events = await this.qemuEvents()
    try {
      await options.trigger?.()
      return await events.waitFor(event, options)
    } finally {
      await events.close()
    }
  }

  /** A wait is in vain when the kernel has died meanwhile: then it ends with what the console says of it. */
  protected override step<T>(name: string, work: () => Promise<T>): Promise<T> {
    return super.step(name, () => (this.kernelWatch.begun ? this.watched(work) : work()))
  }

  private async watched<T>(work: () => Promise<T>): Promise<T> {
    const done = new AbortController()
    const watching = this.kernelWatch.refuseUntil(done.signal)
    try {
      return await Promise.race([work(), watching])
    } finally {
      done.abort()
    }
  }
}

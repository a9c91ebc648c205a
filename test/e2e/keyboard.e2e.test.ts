/** A person, or a suite, at the machines of a lab: a tiny libvirt domain and namespace guests. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { capabilityFaults } from '../../lab/capable.ts'
import { environmentFolder, loadConfig } from '../../src/config/index.ts'
import { openJournal } from '../../src/core/journal.ts'
import { hypervisorAddress, vmAddress } from '../../src/environment/addresses.ts'
import { journalFile } from '../../src/environment/environment.ts'
import { undoRuns } from '../../src/environment/run-undo.ts'
import { tryLocally } from '../../src/core/local-command.ts'
import { Hypervisor } from '../../src/machine/hypervisor.ts'
import { VirtualMachine } from '../../src/machine/virtual-machine.ts'
import { AtKeyboard } from './support/at-keyboard.ts'
import { useLab } from './support/lab.ts'
import { type TinyVm, defineTinyVm } from './support/tiny-domain.ts'

const faults = capabilityFaults()
if (faults.length > 0) process.stderr.write(`skipped: at the keyboard: ${faults.join(' ')}\n`)

describe.skipIf(faults.length > 0)('at the machines', { timeout: 180_000 }, () => {
  const lab = useLab()
  let folder: string
  let tiny: TinyVm
  let hypervisor: Hypervisor
  let vm: VirtualMachine
  let guest: VirtualMachine

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dpbench-keyboard-'))
    tiny = await defineTinyVm(lab, true)
    const file = join(folder, 'keyboard.json')
    await writeFile(file, JSON.stringify(tiny.config))
    const config = await loadConfig({ file, cwd: folder })
    const [host] = config.hypervisors
    hypervisor = await Hypervisor.connect(hypervisorAddress(config, host!))
    const addressOf = (name: string) =>
      vmAddress(
        config,
        host!.vms.find((each) => each.name === name)!,
      )
    // the tiny one has no SSH: what is driven from outside needs none
    vm = Object.create(new VirtualMachine(hypervisor.ssh, hypervisor, host!.vms[0]!), {
      name: { value: 'tiny' },
      address: { value: addressOf('tiny') },
    }) as VirtualMachine
    guest = await VirtualMachine.connect(addressOf('vm1'), hypervisor, host!.vms[0]!)
  }, 900_000)
  afterAll(async () => {
    await guest?.[Symbol.asyncDispose]()
    await hypervisor?.[Symbol.asyncDispose]()
    await tiny?.remove()
    await rm(folder, { recursive: true, force: true })
  })

  const dpbench = (...argv: string[]): AtKeyboard =>
    new AtKeyboard(
      [...argv.slice(0, 1), '--env-config-file', join(folder, 'keyboard.json'), ...argv.slice(1)],
      folder,
      false,
    )
  const inTerminal = (...argv: string[]): AtKeyboard =>
    new AtKeyboard(
      [...argv.slice(0, 1), '--env-config-file', join(folder, 'keyboard.json'), ...argv.slice(1)],
      folder,
      true,
    )
  const processes = (): Promise<string> =>
    lab.shell('hypervisor-1', "ps -eo args | grep -E '^(virsh|script|env .*virsh)' || true")

  test('console, keyboard, screen and monitor of a domain', async () => {
    const within = { timeoutMs: 12_000 }
    await vm.waitForConsoleText('dpbench ready', within)
    await vm.sendConsole('to the serial port')
    await vm.waitForConsoleText(/to the (serial) port/, within)
    await vm.sendChars('Typed: a-Z 0!@#$%^&*()_+[]{}|;:\'",.<>/?`~')
    await vm.waitForConsoleText('Typed: a-Z 0!@#$%^&*()_+[]{}|;:\'",.<>/?`~', within)
    await vm.sendKeys('shift-x', 'KEY_Y', 'spc', 'minus')
    await vm.waitForConsoleText('Xy -', within)
    expect(await vm.consoleLog()).toMatch(/dpbench ready[\s\S]*Xy -/)
    await expect(vm.waitForConsoleText('dpbench ready', { timeoutMs: 300 })).rejects.toThrow(
      /to say "dpbench ready"/,
    )

    const png = await vm.screenshot(join(folder, 'screen.png'))
    expect(await readFile(join(folder, 'screen.png'))).toEqual(png)
    expect(await vm.waitForScreenText(/dpbench ?ready/, { timeoutMs: 20_000 })).toMatch(/Typed/)
    const path = process.env['PATH']
    process.env['PATH'] = '/nowhere'
    await expect(vm.screenText()).rejects.toThrow('the program tesseract is not installed on this machine')
    process.env['PATH'] = path
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([720, 400])

    expect(await vm.monitorCommand('info status')).toBe('VM status: running')
    expect(await vm.monitorCommand({ execute: 'query-status' })).toMatchObject({ running: true })
    await expect(vm.monitorCommand('bogus')).rejects.toThrow(
      'tiny: QEMU\'s monitor refuses "bogus": unknown command',
    )
    await expect(vm.monitorCommand({ execute: 'bogus' })).rejects.toThrow('QMP bogus was refused')
    const trigger = (): Promise<unknown> => vm.monitorCommand('stop')
    expect(await vm.waitForEvent('STOP', { trigger, timeoutMs: 10_000 })).toEqual({ event: 'STOP', data: {} })
    await using events = await vm.qemuEvents()
    await vm.monitorCommand({ execute: 'cont' })
    expect(await events.waitFor('RESUME', { timeoutMs: 10_000 })).toMatchObject({ event: 'RESUME' })
    await expect(events.waitFor('RESUME', { timeoutMs: 300 })).rejects.toThrow(
      /to tell RESUME; last seen: no event/,
    )
    await events.close()
    expect(await processes()).toBe('')
  })

  test('a kernel in trouble ends a wait, and is told once', async () => {
    await vm.kernelWatch.begin()
    const panic = '[   12.345678] Kernel panic - not syncing: sysrq triggered crash'
    await lab.shell('hypervisor-1', `echo '${panic}' >> ${tiny.consoleLog}`)
    await expect(vm.waitForConsoleText('never', { timeoutMs: 20_000 })).rejects.toThrow(
      `tiny: its kernel reports trouble (panic):\n  ${panic}`,
    )
    expect(await vm.takeKernelTrouble()).toEqual([])
  })

  test('what a namespace guest has not it says', async () => {
    const none =
      /^vm1 is no libvirt domain on hypervisor-1 \(a namespace guest of a lab is none\), so it has no /
    await expect(guest.screenshot()).rejects.toThrow(none)
    await expect(guest.waitForScreenText('x')).rejects.toThrow(none)
    await expect(guest.sendKeys('a')).rejects.toThrow(none)
    await expect(guest.sendChars('a')).rejects.toThrow(none)
    await expect(guest.sendConsole('a')).rejects.toThrow(none)
    await expect(guest.consoleLog()).rejects.toThrow(none)
    await expect(guest.waitForConsoleText('a')).rejects.toThrow(none)
    await expect(guest.monitorCommand('info status')).rejects.toThrow(none)
    await expect(guest.waitForEvent('STOP')).rejects.toThrow(none)
    await expect(guest.getWindowNames({ display: ':97' })).rejects.toThrow(/vm1 has no (X server|xwininfo)/)
  })

  test('ssh: a shell in a terminal, its size, its exit status', async () => {
    const shell = inTerminal('ssh', 'vm1')
    shell.press('stty rows 33 columns 99; stty size; tty; hostname\r')
    await shell.says(/\n33 99\n\/dev\/pts\/\d+\nvm1\n/)
    shell.press('exit 7\r')
    expect(await shell.status).toBe(7)
  })

  test('ssh without a terminal: a command, and commands from standard input', async () => {
    expect(await dpbench('ssh', 'vm1', '--', 'hostname; exit 5').given()).toEqual({
      status: 5,
      text: 'vm1\n',
    })
    expect(await dpbench('ssh', 'hypervisor-1', '--', 'echo', 'a  b', '$HOME').given()).toEqual({
      status: 0,
      text: 'a  b $HOME\n',
    })
    expect(await dpbench('ssh', 'vm1').given('hostname\nexit 3\n')).toEqual({ status: 3, text: 'vm1\n' })
    const unknown = await dpbench('ssh', 'vm7').given()
    expect(unknown.status).toBe(2)
    expect(unknown.text).toMatch(
      /the config has no machine vm7: did you mean vm\d\? There are: vm1, vm2, tiny, vm3, hypervisor-1, hypervisor-2/,
    )
  })

  test.for(['SIGINT', 'SIGHUP'] as const)('ssh that gets %s leaves nothing running', async (signal) => {
    const running = dpbench('ssh', 'vm1', '--', 'echo begun; exec sleep 4321')
    await running.says(/begun/)
    running.child.kill(signal)
    expect(await running.status).toBe(signal === 'SIGINT' ? 130 : 129)
    expect(await lab.shell('vm1', 'pgrep -fx "sleep 4321" || echo none')).toBe('none\n')
  })

  test('console: typed and answered, left by its escape key', async () => {
    const console = inTerminal('console', 'tiny')
    await console.says(/Ctrl-\] leaves it/)
    console.press('by hand')
    await console.says(/by hand/)
    const second = await dpbench('console', 'tiny').given('x')
    expect(second).toMatchObject({ status: 3, text: expect.stringContaining('is open elsewhere') as string })
    console.press('\u001d')
    expect(await console.status, console.text).toBe(0)
    expect(await dpbench('console', 'tiny').given('from a pipe')).toMatchObject({
      status: 0,
      text: expect.stringContaining('from a pipe') as string,
    })
    expect(await processes()).toBe('')
    const none = await dpbench('console', 'vm1').given()
    expect(none).toMatchObject({
      status: 3,
      text: expect.stringContaining('vm1 is no libvirt domain') as string,
    })
    expect((await dpbench('console', 'hypervisor-1').given()).status).toBe(2)
  })

  test('mon: HMP and QMP, at a prompt and from a pipe', async () => {
    const prompt = inTerminal('mon', 'tiny')
    await prompt.says(/tiny \(qemu\) /)
    prompt.press('info status\r')
    await prompt.says(/VM status: running/)
    prompt.press('{"execute": "query-status"}\r')
    await prompt.says(/"running": true/)
    prompt.press('quit\r')
    expect(await prompt.status).toBe(0)
    const piped = await dpbench('mon', 'tiny').given('info status\nbogus\ninfo status\n')
    expect(piped.text.match(/VM status: running/g)).toHaveLength(2)
    expect(piped.status).toBe(3)
  })

  test('gdb: the stub is open while somebody debugs, and closed after', async () => {
    const printed = dpbench('gdb', 'tiny', '--print')
    await printed.says(/gdb -ex 'target remote 127\.0\.0\.1:(\d+)'/)
    const port = /127\.0\.0\.1:(\d+)'/.exec(printed.text)![1]!
    const { stdout } = await tryLocally(
      [
        'gdb',
        '-batch',
        '-ex',
        `target remote 127.0.0.1:${port}`,
        '-ex',
        'info registers rip',
        '-ex',
        'detach',
      ],
      { timeoutMs: 30_000 },
    )
    expect(stdout).toMatch(/rip\s+0x/)
    const journal = await openJournal(journalFile(environmentFolder(folder, 'keyboard')))
    const replay = (): ReturnType<typeof undoRuns> =>
      undoRuns(journal, journal.pending('run'), {
        hypervisors: new Map([[hypervisor.name, hypervisor]]),
        log: () => undefined,
      })
    expect((await replay()).left[0]?.reason).toMatch(/^somebody debugs it: end `dpbench gdb tiny` \(process/)
    const killed = new Promise((resolve) => printed.child.once('exit', resolve))
    printed.child.kill('SIGKILL')
    await killed
    expect(await lab.shell('hypervisor-1', 'ss -Hltnp | grep qemu || echo none')).toMatch(/127\.0\.0\.1/)
    expect(await replay()).toMatchObject({ undone: [{ what: 'tiny: its gdb stub' }], left: [] })
    expect(await lab.shell('hypervisor-1', 'ss -Hltnp | grep qemu || echo none')).toBe('none\n')

    const again = dpbench('gdb', 'tiny', '--print')
    await again.says(/gdb -ex 'target remote 127/)
    again.child.kill('SIGINT')
    expect(await again.status).toBe(130)
    expect(await vm.monitorCommand('info status')).toBe('VM status: running')
    const { length } = (await openJournal(journal.file)).pending()
    expect(length).toBe(0)
    expect(await lab.shell('hypervisor-1', 'ss -Hltnp | grep qemu || echo none')).toBe('none\n')
  })

  test('logs: shown, and followed until Ctrl-C', async () => {
    const shown = await dpbench('logs', 'tiny', '--kind', 'console', '--lines', '1000').given()
    expect(shown).toMatchObject({ status: 0, text: expect.stringContaining('dpbench ready') as string })
    const followed = inTerminal('logs', 'tiny', '--kind', 'console', '-f')
    await followed.says(/dpbench ready/)
    await lab.shell('hypervisor-1', `echo and more >> ${tiny.consoleLog}`)
    await followed.says(/and more/)
    followed.press('\u0003')
    expect(await followed.status).toBe(130)
    expect(await lab.shell('hypervisor-1', 'pgrep -f "^tail -n" || echo none')).toBe('none\n')
    expect(await dpbench('logs', 'vm1', '--kind', 'console').given()).toMatchObject({
      status: 3,
      text: expect.stringContaining('vm1 has no console in a file') as string,
    })
  })

  test('repl: machines by name, await, and what was changed put back', async () => {
    // the tiny one has no SSH, and a prompt has all machines connected
    await writeFile(join(folder, 'plain.json'), JSON.stringify(lab.config))
    const plain = ['--env-config-file', join(folder, 'plain.json')]
    const prompt = new AtKeyboard(['repl', ...plain], folder, true)
    await prompt.says(/vm, hypervisor, config, .* are of .*\n/)
    prompt.press('(await vm.vm1.succeed("hostname")).trim() + hypervisor["hypervisor-1"].name\r')
    await prompt.says(/'vm1hypervisor-1'/)
    prompt.press('vm.vm9\r')
    await prompt.says(/DpbenchError: the config has no VM vm9; it has vm1, vm2, vm3/)
    prompt.press('await vm.vm1.block()\r')
    await prompt.says(/undefined/)
    prompt.press('.exit\r')
    expect(await prompt.status).toBe(0)
    const piped = new AtKeyboard(['repl', ...plain], folder, false)
    const { status, text } = await piped.given(
      'const a = await vm.vm2.succeed("hostname")\nconsole.log(a.trim())\nvm.nobody\n',
    )
    expect({ status, text }).toMatchObject({ status: 1, text: expect.stringContaining('vm2\n') as string })
  })
})

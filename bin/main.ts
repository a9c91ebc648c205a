/** Finds the command that was meant, runs it, and turns what it throws into a sentence and an exit code. */
import { DpbenchError, ExitCode, UsageError, describeError } from '../src/core/errors.ts'
import { rememberEnvironment } from '../src/core/known-secrets.ts'
import { requireNode } from '../src/core/node-version.ts'
import { textWithoutSecrets } from '../src/report/secrets.ts'
import { suggest } from '../src/core/suggest.ts'

interface Command {
  readonly help: string
  /** Loads what the command needs, and runs it; resolves with the exit code. */
  run(argv: readonly string[]): Promise<number>
  longHelp(): Promise<string>
}

const commands: Readonly<Record<string, Command>> = {
  run: {
    help: 'run the suites against an environment',
    run: async (argv) => (await import('./run.ts')).run(argv),
    longHelp: async () => (await import('./run.ts')).runHelp,
  },
  provision: {
    help: 'make the VMs of a config on its hypervisors; --clean-up removes them',
    run: async (argv) => (await import('./provision.ts')).runProvision(argv),
    longHelp: async () => (await import('./provision.ts')).provisionHelp,
  },
  doctor: {
    help: 'what the controller and the hypervisors lack; --fix puts it right, --revert back',
    run: async (argv) => (await import('./doctor.ts')).doctor(argv),
    longHelp: async () => (await import('./doctor.ts')).doctorHelp,
  },
  flow: {
    help: 'throughput of flows between two machines, without suites and thresholds',
    run: async (argv) => (await import('./flow.ts')).flow(argv),
    longHelp: async () => (await import('./flow.ts')).flowHelp,
  },
  report: {
    help: 'the reports of stored runs, made again from their run.json',
    run: async (argv) => (await import('./report.ts')).report(argv),
    longHelp: async () => (await import('./report.ts')).reportHelp,
  },
  plan: {
    help: 'everything that a run would do, command by command, without reaching a host',
    run: async (argv) => (await import('./plan.ts')).plan(argv),
    longHelp: async () => (await import('./plan.ts')).planHelp,
  },
  ab: {
    help: 'two images in turn on the same VMs: is the second slower?',
    run: async (argv) => (await import('./ab.ts')).ab(argv),
    longHelp: async () => (await import('./ab.ts')).abHelp,
  },
  bisect: {
    help: 'which commit or image made throughput worse',
    run: async (argv) => (await import('./bisect.ts')).bisect(argv),
    longHelp: async () => (await import('./bisect.ts')).bisectHelp,
  },
  calibrate: {
    help: 'find the thresholds of this hardware by measuring, as a diff of the config',
    run: async (argv) => (await import('./calibrate.ts')).calibration(argv),
    longHelp: async () => (await import('./calibrate.ts')).calibrateHelp,
  },
  compare: {
    help: 'two runs, or two sets of runs: p, effect and interval of each figure',
    run: async (argv) => (await import('./compare.ts')).compare(argv),
    longHelp: async () => (await import('./compare.ts')).compareHelp,
  },
  demo: {
    help: 'the whole way in the embedded lab: provision, measure both modes, report',
    run: async (argv) => (await import('./demo.ts')).demo(argv),
    longHelp: async () => (await import('./demo.ts')).demoHelp,
  },
  guest: {
    help: 'run scripts as root in fresh, disposable VMs, and bring their results back',
    run: async (argv) => (await import('./guest.ts')).guest(argv),
    longHelp: async () => (await import('./guest.ts')).guestHelp,
  },
  history: {
    help: 'how figures went over many runs, with their change points',
    run: async (argv) => (await import('./history.ts')).history(argv),
    longHelp: async () => (await import('./history.ts')).historyHelp,
  },
  lab: {
    help: 'the embedded lab: up, down, status, shell, image',
    run: async (argv) => (await import('./lab.ts')).lab(argv),
    longHelp: async () => (await import('./lab.ts')).labHelp,
  },
  lease: {
    help: 'who uses the hypervisors of a config; --break ends that',
    run: async (argv) => (await import('./lease.ts')).lease(argv),
    longHelp: async () => (await import('./lease.ts')).leaseHelp,
  },
  pairs: {
    help: 'groups of local and remote programs, each with each, on two machines; `pairs new` makes one',
    run: async (argv) => (await import('./pairs.ts')).pairs(argv),
    longHelp: async () => (await import('./pairs.ts')).pairsHelp,
  },
  ssh: {
    help: 'a shell on a machine of the config, or one command',
    run: async (argv) => (await import('./ssh.ts')).ssh(argv),
    longHelp: async () => (await import('./ssh.ts')).sshHelp,
  },
  console: {
    help: "a VM's serial console",
    run: async (argv) => (await import('./console.ts')).console(argv),
    longHelp: async () => (await import('./console.ts')).consoleHelp,
  },
  mon: {
    help: "QEMU's monitor of a VM",
    run: async (argv) => (await import('./mon.ts')).mon(argv),
    longHelp: async () => (await import('./mon.ts')).monHelp,
  },
  gdb: {
    help: "a debugger on a VM's kernel",
    run: async (argv) => (await import('./gdb.ts')).gdb(argv),
    longHelp: async () => (await import('./gdb.ts')).gdbHelp,
  },
  logs: {
    help: 'the console, journal and data-plane log of a machine; -f follows',
    run: async (argv) => (await import('./logs.ts')).logs(argv),
    longHelp: async () => (await import('./logs.ts')).logsHelp,
  },
  repl: {
    help: 'a JavaScript prompt with the machines of the config',
    run: async (argv) => (await import('./repl.ts')).repl(argv),
    longHelp: async () => (await import('./repl.ts')).replHelp,
  },
}

/** Runs a command line and returns its exit code. Nothing is thrown: a stack trace in front of a user is a bug. */
export async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv
  rememberEnvironment(process.env)
  process.umask(process.umask() | 0o002) // what we write down, others do not rewrite; workers inherit it
  for (const stream of [process.stdout, process.stderr]) stream.on('error', outliveReader)
  try {
    requireNode()
    if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
      process.stdout.write(`${overview()}\n`)
      return ExitCode.passed
    }
    if (name === '--version') {
      const { default: manifest } = await import('dpbench/package.json', { with: { type: 'json' } })
      process.stdout.write(`${manifest.version}\n`)
      return ExitCode.passed
    }
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (!command) {
      const near = suggest(name, Object.keys(commands))
      throw new UsageError(
        `there is no command ${name}${near === undefined ? '' : `: did you mean ${near}?`}\n\n${overview()}`,
      )
    }
    const own = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest // after it they are another program's
    if (own.includes('--help') || own.includes('-h')) {
      process.stdout.write(`${await command.longHelp()}\n`)
      return ExitCode.passed
    }
    return await command.run(rest)
  } catch (error) {
    process.stderr.write(`dpbench: ${textWithoutSecrets(describeError(error), [])}\n`)
    if (!(error instanceof DpbenchError) && process.env['DPBENCH_DEBUG'])
      process.stderr.write(`${(error as Error).stack}\n`)
    return error instanceof DpbenchError ? error.exitCode : ExitCode.infrastructure
  }
}

/** Who reads our output may stop reading it (`| head`): what was begun is still brought to its end. */
function outliveReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

function overview(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length))
  const list = Object.entries(commands).map(([name, { help }]) => `  ${name.padEnd(width)}  ${help}`)
  return `dpbench COMMAND [options]\n\n${list.join('\n')}\n\n\`dpbench COMMAND --help\` says more.`
}

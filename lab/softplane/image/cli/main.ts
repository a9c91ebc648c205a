/** dpservice-cli as a program of its own: where the daemon does not carry out commands itself, or is another one. */
import { call } from './call.ts'
import { runCommand } from './run.ts'

const { exitCode, stdout, stderr } = await runCommand(process.argv.slice(2), call)
process.stdout.write(stdout)
process.stderr.write(stderr)
process.exitCode = exitCode

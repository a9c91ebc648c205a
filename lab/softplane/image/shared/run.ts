/** Runs a program of the container and returns what it printed. */
import { spawn } from 'node:child_process'

/** @throws Error with the program's stderr when it does not end with status 0. */
export async function run(argv: readonly string[], input = ''): Promise<string> {
  const [program = '', ...args] = argv
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.on('error', () => undefined) // the program may end before it has read everything
  child.stdin.end(input)
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  const status = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  if (status === 0) return Buffer.concat(stdout).toString('utf8')
  const said = Buffer.concat(stderr).toString('utf8').trim()
  throw new Error(`${argv.join(' ')} ended with ${status}: ${said}${input && ` (input: ${input.trim()})`}`)
}

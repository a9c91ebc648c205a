/** `dpbench repl`: a JavaScript prompt with the machines of the config. */
import { join } from 'node:path'
import { evaluate } from '../src/keyboard/repl.ts'
import { newPromptId, openWorkbench } from '../src/keyboard/workbench.ts'
import { openPrompt } from '../src/vitest/prompt.ts'
import { askedFor, atTerminal, configOptions, streams } from './keyboard.ts'
import { helpOf } from './options.ts'
import { progress } from './terminal.ts'

export const replHelp = `dpbench repl [options]

Node's prompt with \`await\`, and in it what tests have: \`vm\`, \`hypervisor\`, \`config\`, \`placement\`, \`traffic\`, \`dataplane\`,
\`change\`, \`subtest\`, \`log\`, \`pollingCondition\`: await vm.vm1.succeed('uname -r'). Traffic and data plane are those that a run
with --keep-on-failure has left; nothing is deployed. What is made at the prompt (routes, links, power, forwarded ports, changes)
is put back at the end: .exit, Ctrl-D, Ctrl-C twice; Ctrl-C ends what is being waited for. Without a
terminal the lines of standard input are evaluated, and the exit code is 1 when one of them has thrown.

${helpOf(configOptions)}`

export async function repl(argv: readonly string[]): Promise<number> {
  const { config } = await askedFor('repl', argv, configOptions, { machine: false, command: false })
  return atTerminal(async (signal) => {
    const runId = newPromptId()
    await using bench = await openWorkbench({ config, runId, log: progress, signal })
    await using prompt = openPrompt({
      config,
      bench,
      runId,
      resultsFolder: join(process.cwd(), 'results', runId),
      say: progress,
      signal,
    })
    const names = [...bench.vms.keys(), ...bench.hypervisors.keys()].join(', ')
    const there =
      bench.lacks ?? (bench.keptBy && `The data plane is that of the run ${bench.keptBy}, ${bench.mode}.`)
    const greeting = [
      `${Object.keys(prompt.fixtures).join(', ')} are of ${config.name}: ${names}. .exit leaves, and puts back what was changed.`,
      ...(there === undefined ? [] : [there]),
    ].join('\n')
    return await evaluate({
      ...streams,
      context: prompt.fixtures,
      greeting,
      interrupt: () => prompt.interrupt(new Error('interrupted')),
      signal,
    })
  })
}

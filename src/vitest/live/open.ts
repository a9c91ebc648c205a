/** In the main process: from what Vitest and the workers tell to the live screen, where there is one. */
import type { TestCase, TestModule, TestSpecification } from 'vitest/node'
import { stateOf } from '../../report/outcome.ts'
import type { TestResult } from '../../report/record.ts'
import { wantsColor } from '../../report/terminal.ts'
import { figureOf } from '../../report/view.ts'
import type { Message } from '../messages.ts'
import type { Run } from '../run.ts'
import { LiveScreen, wantsLive } from './screen.ts'
import { LiveState } from './state.ts'

/** Opens it on a terminal. */
export function openScreen(run: Run, specifications: readonly TestSpecification[]): void {
  const { stdout, stderr } = process
  if (!wantsLive(stdout, process.env)) return
  const places = run.config.hypervisors.flatMap(({ name, vms }) => vms.map((vm) => [vm.name, name] as const))
  const state = new LiveState(run.config.measurement, new Map(places), performance.now())
  for (const { project, moduleId } of specifications)
    state.suites.push({ mode: project.name, suite: moduleId, tests: undefined })
  run.screen = new LiveScreen(state, {
    terminal: stdout,
    others: [stderr],
    color: wantsColor(stdout, process.env),
  })
}

/** Whether the screen shows the message, so that no line of it is needed. */
export function showLive({ screen, settings }: Run, message: Message): boolean {
  if (message.type === 'stop' || message.type === 'goOn') {
    if (message.type === 'stop') screen?.pause()
    else screen?.goOn()
    return false
  }
  if (!screen || message.type === 'log') return false
  if (message.type === 'live') screen.state.take(message.event, performance.now())
  else screen.state.progress = message.text
  screen.soon()
  return !settings.verbose
}

/** How many of a suite's tests run is known when it was read. */
export function showSuite({ screen }: Run, module: TestModule): void {
  const running = [...module.children.allTests()].filter(({ options }) => options.mode === 'run')
  screen?.state.suiteRead(module.project.name, module.moduleId, running.length)
}

export function showResult({ screen }: Run, test: TestCase, result: TestResult): void {
  const verdict = result.state === 'judged' ? result.verdict : undefined
  screen?.state.testEnds({
    name: test.name,
    mode: test.project.name,
    state: stateOf(result),
    figure: verdict && 'statistics' in verdict ? `${figureOf(verdict.statistics)}` : undefined,
    seconds: (test.diagnostic()?.duration ?? 0) / 1000,
  })
}

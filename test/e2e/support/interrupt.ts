/** Signals to a run, at moments that it shows itself. */
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { type Project, type Running, stackTrace } from './project.ts'

export const interruptedRun = ['--mode', 'offload', '-t', 'between hypervisors'] as const
export const nextRun = ['--mode', 'offload', '--verdict', 'mean', '-t', 'IPv4 on one hypervisor'] as const

export const moments = {
  connecting: (running: Running) => running.shows(/▶ offload/),
  deploying: (running: Running) => running.shows(/dpservice \(offload\) from/),
  'preparing guests': (running: Running) => running.shows(/asking for their leases/),
  measuring: (running: Running) => running.shows(/repetition 1 /),
} as const
export type Moment = keyof typeof moments

export async function expectPutBack(project: Project, running: Running, status: number): Promise<void> {
  const ended = await running.ended
  expect(ended.status, ended.text).toBe(status)
  expect(ended.text).not.toMatch(stackTrace)
  expect(ended.text).not.toMatch(/PASS|FAIL:/)
  expect(await project.pending()).toEqual([])
}

/** Most of the time before the machines are reached. */
export async function interruptEarly(project: Project, afterMs: number): Promise<void> {
  const running = project.start(...interruptedRun)
  await delay(afterMs)
  running.child.kill('SIGINT')
  const { status, text } = await running.ended
  // until its handlers are there the signal itself ends it: a shell says 130 for that, too
  expect([130, 'SIGINT'], text).toContain(status)
  expect(text).not.toMatch(stackTrace)
  expect(await project.pending()).toEqual([])
}

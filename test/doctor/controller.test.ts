/** The controller's own findings, what they look like as text and as JSON, and the exit code that they make. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type ControllerFacts, controllerChecks } from '../../src/doctor/controller.ts'
import {
  type Finding,
  type Judgement,
  diagnose,
  exitCodeOf,
  renderJson,
  renderText,
  warning,
} from '../../src/doctor/index.ts'

const key = { file: '/k', usable: true, publicMatches: true } as const
const healthy: ControllerFacts = {
  node: '24.1.0',
  os: { name: 'Debian', id: 'debian', like: [] },
  programs: ['ssh-keygen', 'dockerd'],
  key,
  docker: { version: '27.0.0' },
  folder: '/work',
  freeBytes: 100 * 2 ** 30,
}
const of = (changes: Partial<ControllerFacts>): Judgement[] => controllerChecks({ ...healthy, ...changes })

test('a controller that has everything', () => {
  expect(of({}).map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok'])
})

test.each<[string, Partial<ControllerFacts>, string, Judgement['status'], RegExp, RegExp]>([
  ['Node', { node: '20.11.0' }, 'Node', 'fault', /20\.11\.0/, /nvm install 24/],
  ['ssh-keygen', { programs: [] }, 'ssh-keygen', 'fault', /not installed/, /install .*openssh-client/],
  [
    'a key that cannot be read',
    { key: { ...key, usable: '/k is encrypted, and nobody tells its passphrase: …' } },
    'key files',
    'fault',
    /encrypted/,
    /^ssh-add \/k$/,
  ],
  [
    'two keys that are no pair',
    { key: { ...key, publicMatches: false } },
    'key files',
    'fault',
    /is not the public half of \/k/,
    /ssh-keygen -y -f \/k/,
  ],
  [
    'a key that others may read',
    { key: { ...key, usable: '/k may be read by others (mode 0644), so it is not used: chmod 600 /k' } },
    'key files',
    'fault',
    /mode 0644/,
    /^chmod 600 \/k$/,
  ],
  [
    'no engine',
    { docker: { error: 'connect ENOENT' }, programs: ['ssh-keygen'] },
    'Docker for --stage dev',
    'warning',
    /only --stage dev needs one/,
    /docker.io/,
  ],
  [
    'no space',
    { freeBytes: 1e9 },
    'disk for results',
    'fault',
    /0.9 GiB free for \/work, less than 2 GiB/,
    /results/,
  ],
])('%s', (_, changes, check, status, found, advice) => {
  const hit = of(changes).find((each) => each.check === check)
  expect(hit).toMatchObject({ status })
  expect(hit!.found).toMatch(found)
  expect(hit!.advice).toMatch(advice)
})

const finding = (status: Finding['status'], inConfig = false): Finding => ({
  machine: 'controller',
  check: 'x',
  status,
  found: 'y',
  ...(inConfig && { inConfig }),
})

test('exit codes: 0 with warnings alone, 3 for a machine, 2 as soon as the config is at fault', () => {
  expect(exitCodeOf([finding('ok'), finding('warning'), finding('not applicable')])).toBe(0)
  expect(exitCodeOf([finding('fault'), finding('ok')])).toBe(3)
  expect(exitCodeOf([finding('fault'), finding('fault', true)])).toBe(2)
})

test('text and JSON', () => {
  const forward: Finding = {
    machine: 'hypervisor-1',
    check: 'IP forwarding',
    status: 'fault',
    found: 'it is 0',
    advice: 'sysctl -w x=1',
    repairs: [
      { what: 'x: 0 → 1', commands: [['sh', '-c', 'echo 1 > /x']], undo: { kind: 'doctor-settings' } },
    ],
  }
  const findings = [{ ...finding('ok'), check: 'Node' }, forward]
  expect(renderText({ label: 'l', findings }, 1.23)).toEqual([
    'controller',
    '  ✔ Node           y',
    'hypervisor-1',
    '  ✖ IP forwarding  it is 0',
    '                 → sysctl -w x=1',
    '',
    '1 fault, 0 warnings, 1 ok, 0 not applicable, in 1.2 s; dpbench doctor --fix can put 1 right, after showing how',
  ])
  expect(JSON.parse(renderJson({ label: 'l', findings }, 1.23))).toEqual({
    version: 1,
    environment: null,
    config: null,
    exitCode: 3,
    seconds: 1.23,
    findings: [
      { machine: 'controller', check: 'Node', status: 'ok', found: 'y' },
      {
        machine: 'hypervisor-1',
        check: 'IP forwarding',
        status: 'fault',
        found: 'it is 0',
        advice: 'sysctl -w x=1',
        repairs: [{ what: 'x: 0 → 1', commands: ["sh -c 'echo 1 > /x'"] }],
      },
    ],
  })
})

test('an empty machine: no config, no programs; all of it at once, and fast', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dpbench-empty-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const started = performance.now()
  const lab = async (): Promise<Judgement> =>
    warning('lab', 'packages that a lab lacks: libvirt-daemon', 'lab install')
  const { findings, config } = await diagnose({ cwd: folder, labFolder: folder, env: { PATH: folder }, lab })
  expect(performance.now() - started).toBeLessThan(10_000)
  expect(config).toBeUndefined()
  const faults = findings.filter(({ status }) => status === 'fault')
  expect(faults.map(({ check }) => check)).toEqual(['config', 'ssh-keygen'])
  expect(faults[0]!.found).toBe('There is no config.')
  expect(faults[0]!.advice).toMatch(/npx dpbench lab up.*two-servers\.json.*--env-config-file FILE/)
  expect(findings.map(({ check }) => check)).toEqual(
    expect.arrayContaining(['lab', 'hypervisors', 'key files']),
  )
  expect(exitCodeOf(findings)).toBe(2)
})

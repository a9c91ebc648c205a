/** A secret in every source of a run, and none in any form of its results. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CommandError } from '../../src/core/command-result.ts'
import { DeployError } from '../../src/core/errors.ts'
import { isSecretName, rememberEnvironment } from '../../src/core/known-secrets.ts'
import { findCredentials } from '../../src/transport/docker/credentials.ts'
import { forms } from '../../src/report/forms.ts'
import { RunRecorder, recordError } from '../../src/report/recorder.ts'
import {
  createResultsFolder,
  createTestFolder,
  writeArtifact,
  writeReports,
} from '../../src/report/results-folder.ts'
import { writeLog } from '../../src/report/logs.ts'
import { StepRecorder } from '../../src/report/step-recorder.ts'
import { secretsIn, textWithoutSecrets } from '../../src/report/secrets.ts'
import { renderTerminal } from '../../src/report/terminal.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { entry, results, start } from './fixtures.ts'

/** Nothing but its place tells that any of them is secret, unless its look does. */
const planted = {
  passphrase: 'opal-quartz-1',
  token: 'opal quartz/2+',
  registry: 'opal-quartz-3',
  container: 'opal-quartz-4',
  url: 'opal-quartz-5',
  assigned: 'opal-quartz-6',
  bearer: 'opal-quartz-7',
  hash: '$6$rounds=5000$opalquartz$opalquartz8opalquartz8',
  key: '-----BEGIN OPENSSH PRIVATE KEY-----\nopalquartz9\n-----END OPENSSH PRIVATE KEY-----',
}
const looks = `https://bot:${planted.url}@reg.example/x password=${planted.assigned} Authorization: Bearer ${planted.bearer} ${planted.hash} ${planted.key}`
const known = [planted.passphrase, planted.token, planted.registry, planted.container].join(' and ')

test('neither in run.json, nor JUnit, summary, HTML, terminal, timeline, logs, raw outputs, messages', async () => {
  rememberEnvironment({
    DPBENCH_KEY_PASSPHRASE: planted.passphrase,
    CI_JOB_TOKEN: planted.token,
    HOME: '/root',
  })
  const folder = scratchFolder()
  const auth = Buffer.from(`ann:${planted.registry}`).toString('base64')
  const { writeFile } = await import('node:fs/promises')
  await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { 'reg.example': { auth } } }))
  await findCredentials('reg.example', { DOCKER_CONFIG: folder })

  const config = {
    hypervisors: [{ name: 'h', dataPlane: { environment: { REGISTRY_PASSWORD: planted.container } } }],
    libvirt: { consolePassword: { hash: planted.hash } },
  }
  const said = `${known} ${auth} ${looks} ${encodeURIComponent(planted.token)}`
  const command = new CommandError({
    host: 'h',
    argv: ['docker', 'login', '--password', planted.registry, looks],
    exitCode: 1,
    signal: null,
    stdout: said,
    stderr: said,
    durationMs: 1,
    timedOut: false,
  })
  const recorder = new RunRecorder({
    ...start,
    commandLine: ['dpbench', 'run', `--docker-image=https://bot:${planted.url}@reg.example/x`, planted.token],
    options: { DPBENCH_TAG: said },
    config: { file: 'c.json', name: 'c', content: config },
  })
  const steps = new StepRecorder({
    secrets: secretsIn(config),
    write: ({ step, end }) => end && recorder.step({ ...step, ...end }),
  })
  steps.observe({ machine: 'h', kind: 'command', name: said })({ outcome: 'failed', output: said })
  recorder.notice(said)
  recorder.failure(`deploying ${known}`, new DeployError(said, { cause: command }))
  recorder.leftover(said)
  recorder.machine({ name: 'h', role: 'hypervisor', kernel: said })
  recorder.test(entry({ state: 'error', error: recordError(command) }))
  recorder.test(entry(results.pass, { name: 'fine' }))

  const target = await createResultsFolder(join(folder, 'results'), { startedAt: start.startedAt })
  const own = await createTestFolder(target, { suite: 's', name: 't' })
  await writeArtifact(target, own, 'client.json', `{"cookie": "x", "title": ${JSON.stringify(known)}}`)
  await writeLog(target, { machine: 'vm1', mode: 'offload', kind: 'journal', text: said }, secretsIn(config))
  const record = recorder.finish()
  const written = await writeReports(target, record)
  const { readdir } = await import('node:fs/promises')
  const files = (await readdir(target, { recursive: true, withFileTypes: true })).filter((each) =>
    each.isFile(),
  )
  expect(files.length).toBeGreaterThanOrEqual(6)
  expect(written.length).toBeGreaterThanOrEqual(4)
  const texts: [string, string][] = [
    ['terminal', renderTerminal(record, { color: false, columns: 200 } as never)],
  ]
  for (const { parentPath, name } of files) texts.push([name, await readFile(join(parentPath, name), 'utf8')])
  for (const [name, form] of Object.entries(forms)) texts.push([name, await form.render(record)])
  texts.push(['message', textWithoutSecrets(command.message, [])])
  for (const [name, text] of texts) {
    expect(text.length, name).toBeGreaterThan(0)
    expect(text, name).not.toMatch(/opal.?.?.?quartz/i)
    expect(text, name).not.toContain(auth)
  }
  expect(texts[1] && record.notices[0]).toContain('(not recorded) and (not recorded)')
})

test('names that hold a secret, and names that say where one is', () => {
  const names = ['GITHUB_TOKEN', 'DB_PASSWORD', 'privateKey', 'API_KEY', 'SECRET', 'AWS_SECRET_ACCESS_KEY']
  expect(names.filter((name) => !isSecretName(name))).toEqual([])
  const others = ['TOKEN_FILE', 'SSH_AUTH_SOCK', 'PASSWORD_PATH', 'HOME', 'key_file', 'CREDENTIALS_DIR']
  expect(others.filter(isSecretName)).toEqual([])
})

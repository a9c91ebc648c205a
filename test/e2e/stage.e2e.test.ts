/** Where the data plane's image comes from: built here and shipped, or pulled from a registry that asks for a login. */
import { appendFile, cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { softplaneSource } from '../../lab/softplane/build.ts'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from './support/lab.ts'
import { login, startPrivateRegistry } from './support/private-registry.ts'
import { type Finished, Project, dpbenchBin, stackTrace } from './support/project.ts'
import { expectAsBefore } from './support/snapshot.ts'

/** Deploys, and measures nothing. */
const suites = {
  'up.test.ts': `import { test } from 'dpbench'
test('is up', async ({ dataplane }) => void dataplane.deployed)
`,
}

describe.skipIf(whyNoLab.length > 0)('the image of a run', { timeout: 360_000 }, () => {
  const lab = useLab({ withoutImage: true })
  const imageIds = (): Promise<string[]> =>
    Promise.all(
      ['hypervisor-1', 'hypervisor-2'].map(async (name) =>
        (
          await lab.shell(name, 'docker images --quiet --no-trunc --filter reference=dpbench-dev/env-*')
        ).trim(),
      ),
    )

  test('--stage dev: built, shipped, run; then what changed alone; kept until clean-up', async () => {
    const project = await Project.create(lab, { suites })
    const before = await lab.snapshot()
    const source = join(project.folder, 'softplane')
    await cp(softplaneSource, source, { recursive: true })
    const develop = async (change: string): Promise<{ id: string; text: string }> => {
      await appendFile(join(source, 'daemon/log.ts'), `// ${change}\n`)
      const { status, text } = await project.run('--mode', 'offload', '--dpservice-source', source)
      expect(status, text).toBe(0)
      const record = await project.record()
      expect(record.stage).toBe('dev')
      const digests = record.dataPlanes.map(({ digest }) => digest)
      const id = /built (sha256:\S+) in/.exec(text)?.[1] ?? ''
      expect(digests).toEqual([id, id])
      expect(await imageIds()).toEqual([id, id])
      const log = await project.resultFile('build.log')
      expect(log).toContain(`Successfully built ${id.slice('sha256:'.length, 19)}`)
      expect(text).toMatch(/│ Step 1\/\d/) // progress
      return { id, text }
    }
    const first = await develop(project.folder)
    const second = await develop(`again ${project.folder}`)
    expect(second.id).not.toBe(first.id)
    const shipped = [...second.text.matchAll(/image shipped: (\d+) of (\d+) layers/g)]
    expect(shipped).toHaveLength(2)
    for (const [, sent, all] of shipped) expect(Number(sent)).toBeLessThan(Number(all))

    const same = await project.run(
      '--mode',
      'non-offload',
      '--stage',
      'dev',
      '--dpservice-build-path',
      source,
    )
    expect(same.status, same.text).toBe(0)
    expect(same.text).toContain('Using cache')
    expect(same.text.match(/has the image already/g)).toHaveLength(2)
    expect(same.text).not.toContain('image shipped')
    expect(await readdir(join(project.folder, '.dpbench/env'))).toEqual(['journal.jsonl'])

    expect(await project.pending()).toHaveLength(2)
    const cleaned = await project.cleanUp()
    expect(cleaned.status, cleaned.text).toBe(0)
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })

  test('an image that does not build: exit 3, its output kept, nothing deployed', async () => {
    const project = await Project.create(lab, { suites })
    const source = join(project.folder, 'broken')
    await mkdir(source)
    await writeFile(join(source, 'Dockerfile'), 'FROM softplane-base:latest\nCOPY nosuchfile /\n')
    const { status, text } = await project.run('--mode', 'offload', '--dpservice-source', source)
    expect(status, text).toBe(3)
    expect(text).toContain(`the image of ${source} does not build`)
    expect(text).not.toMatch(stackTrace)
    expect(text).not.toContain('dpservice (offload)')
    expect(await project.resultFile('build.log')).toContain('nosuchfile')
    expect((await project.record()).failures).toMatchObject([{ where: 'building the image', exitCode: 3 }])
  })

  test('--stage cicd from a registry that asks for a login', async () => {
    await using registry = await startPrivateRegistry(lab)
    const project = await Project.create(lab, { suites })
    const before = await lab.snapshot()
    const [, path = ''] = /^[^/]+\/(.*)$/.exec(lab.description.image!) ?? []
    const image = `${registry.address}/${path}`
    const pull = async (password: string | undefined, reference: string): Promise<Finished> => {
      const auth = password && Buffer.from(`${login.user}:${password}`).toString('base64')
      const auths = auth ? { [registry.address]: { auth } } : {}
      await writeFile(join(project.folder, 'config.json'), JSON.stringify({ auths }))
      const run = [dpbenchBin, 'run', '--env-config-file', project.configFile, '--mode', 'offload']
      const env = { DOCKER_CONFIG: project.folder }
      const finished = await project.startNode([...run, '--docker-image', reference], env).ended
      expect(finished.text).not.toMatch(stackTrace)
      if (password) expect(finished.text + (await project.resultFile('run.json'))).not.toContain(password)
      if (auth) expect(finished.text + (await project.resultFile('run.json'))).not.toContain(auth)
      return finished
    }
    const none = await pull(undefined, image)
    expect(none.status, none.text).toBe(3)
    expect(none.text).toContain(`cannot pull ${image}: the registry ${registry.address} wants a login`)
    const wrong = await pull('open simsim', image)
    expect(wrong.status, wrong.text).toBe(3)
    expect(wrong.text).toContain(`the registry ${registry.address} refuses the credentials`)
    const unknown = await pull(login.password, `${registry.address}/softplane:nosuchtag`)
    expect(unknown.status, unknown.text).toBe(3)
    expect(unknown.text).toContain('the registry has no such tag (nosuchtag)')

    const byTag = await pull(login.password, image)
    expect(byTag.status, byTag.text).toBe(0)
    const { digest = '' } = (await project.record()).dataPlanes[0]!
    expect(digest).toMatch(new RegExp(`^${registry.address}/softplane@sha256:[0-9a-f]{64}$`))
    const byDigest = await pull(login.password, digest)
    expect(byDigest.status, byDigest.text).toBe(0)
    expect((await project.record()).dataPlanes.map((each) => each.digest)).toEqual([digest, digest])
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })

  test('--reboot of guests that are no machines of their own: exit 2, nothing done', async () => {
    const project = await Project.create(lab, { suites })
    const before = await lab.snapshot()
    const { status, text } = await project.run('--mode', 'offload', '--reboot')
    expect(status, text).toBe(2)
    expect(text).toContain('--reboot: vm1, vm2, vm3 cannot be rebooted')
    expect(text).not.toMatch(stackTrace)
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })
})

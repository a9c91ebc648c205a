/** A project whose tests use no fixture: the whole of `dpbench run`, without a machine. */
import { join } from 'node:path'
import { dpserviceConfig, site } from '../../config/dpservice-file.ts'
import type { TestLab } from './lab.ts'
import { Project } from './project.ts'

/** @param suites by name: the bodies of their tests, by name */
export function plainProject(
  suites: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<Project> {
  const { HOME: home } = site().env
  const keys = { key_file: join(home!, '.ssh/id_rsa'), public_key_file: join(home!, '.ssh/id_rsa.pub') }
  const texts = Object.entries(suites).map(([suite, tests]) => {
    const lines = Object.entries(tests).map(([name, body]) => `test('${name}', async () => { ${body} })`)
    return [`${suite}.test.ts`, ["import { test } from 'dpbench'", ...lines].join('\n')] as const
  })
  const nowhere = { config: { ...dpserviceConfig(), ...keys } } as unknown as TestLab
  return Project.create(nowhere, { suites: Object.fromEntries(texts) })
}

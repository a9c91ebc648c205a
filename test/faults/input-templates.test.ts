/** Templates, guest scripts' declarations and groups of pairs, damaged; and names that a file system or a shell would mind. */
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import * as fc from 'fast-check'
import { inspectHypervisor } from '../../provision/preflight.ts'
import { loadTemplate } from '../../provision/templates.ts'
import { planVms } from '../../provision/vm-plan.ts'
import { DpbenchError } from '../../src/core/errors.ts'
import { quoteArgv } from '../../src/core/shell-quote.ts'
import { tryLocally } from '../../src/core/local-command.ts'
import {
  declarationOf,
  settingsOfComments,
  settingsOfLines,
  type Setting,
} from '../../src/guest-run/declaration.ts'
import { isKtest, readKtestVariables } from '../../src/guest-run/ktest-variables.ts'
import { keptPath, pathParts, uploadedName } from '../../src/guest-run/safe-names.ts'
import { subtestFolder } from '../../src/guest-run/subtests.ts'
import { sources } from '../../src/guest-run/sourced.ts'
import { readGroup } from '../../src/pairs/group.ts'
import { fileName, tagName } from '../../src/report/names.ts'
import { createTestFolder, writeArtifact } from '../../src/report/results-folder.ts'
import { parseDomain } from '../../src/transport/libvirt/documents.ts'
import { parseReference } from '../../src/transport/docker/reference.ts'
import { bridged, fixture } from '../provision/fixture.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { damaged, nastyText, nastyTexts } from './support/mutations.ts'
import { property, survives } from './support/property.ts'

property(
  'a damaged template is refused in a sentence, or gives documents that are whole',
  { counted: 'templates', quick: 40, whole: 2000 },
  async (tally) => {
    const { run, hosts, undos } = await fixture(bridged)
    const [hypervisor] = run.config.hypervisors
    const facts = await inspectHypervisor(run, hypervisor!, hosts.get(hypervisor!.name)!)
    const { domainTemplate, ignitionTemplate } = run
    const changed = fc.oneof(
      damaged(domainTemplate.text).map((text) => ({ domainTemplate: { ...domainTemplate, text } })),
      damaged(ignitionTemplate.text).map((text) => ({ ignitionTemplate: { ...ignitionTemplate, text } })),
      nastyText.map((origin) => ({ identity: { ...run.identity, origin } })),
      nastyText.map((comment) => ({ authorizedKeys: [`ssh-ed25519 AAAA ${comment}`] })),
    )
    await tally.random(changed, async (change) => {
      await survives(() => {
        for (const plan of planVms({ ...run, ...change }, facts)) {
          if (parseDomain(plan.domain).name !== plan.vm.name) throw new TypeError('another domain')
          const { passwd } = JSON.parse(plan.ignition) as { passwd?: { users?: unknown[] } }
          if (!passwd?.users?.length) throw new TypeError('nobody could log in')
        }
      })
      if (undos.length > 0) throw new TypeError('something was begun')
    })
    for (const name of [...nastyTexts, 'config'])
      await tally.try(`a template called ${JSON.stringify(name.slice(0, 40))}`, async () => {
        await survives(() =>
          loadTemplate(name, 'vm_tmpl.xml.njk', run.config.sourceFile.replace(/\/config\/[^/]*$/, ''), '--x'),
        )
        return []
      })
  },
)

const ktest = `cloning x\nktest_mem=2G\nktest_cpus=2\nktest_timeout=0\nktest_scratch_dev_sizes=(4G 4G)\nktest_arch=x86_64\nktest_kernel_config_require="A B"\n`
const odd = nastyText.map(
  (text) => `${text.replaceAll(/\W/g, '')}=${text}\nconstructor=1\ntoString=2\n__proto__=3\n`,
)

property(
  'damaged declarations of guest scripts are told, fault by fault',
  { counted: 'declarations', quick: 200, whole: 4000 },
  async (tally) => {
    const lines =
      'MEM=512M\nCPUS=2\nSCRATCH=64M,1G\nREQUIRE=a b\nTIMEOUT=10m\nNETWORK=none\nKERNEL_ARGS="x y"\n'
    const comments = `#!/bin/sh\n${lines.replaceAll(/^(?=\w)/gm, '# ')}. ./lib.sh\necho\n`
    const texts = fc.oneof(
      damaged(lines),
      damaged(comments),
      damaged(ktest),
      odd.map((text) => ktest + text),
      odd,
    )
    await tally.random(texts, async (text) => {
      await survives(() => {
        const faults: string[] = []
        const settings: Setting[] = [
          ...settingsOfLines(text, 'x deps', faults),
          ...settingsOfComments(text, 'x'),
        ]
        if (isKtest(text)) settings.push(...readKtestVariables(text, 'x deps', faults).settings)
        sources(text)
        const { memoryMiB, cpus, timeoutMs, scratch } = declarationOf(settings, 'x', faults)
        if (faults.some((fault) => typeof fault !== 'string' || !fault.startsWith('x')))
          throw new TypeError(`a fault that is no sentence: ${faults.map(String).join('; ').slice(0, 300)}`)
        const figures = [memoryMiB, cpus, timeoutMs, ...scratch]
        if (
          faults.length === 0 &&
          !figures.every((each) => Number.isSafeInteger(Math.ceil(each)) && each > 0)
        )
          throw new TypeError(`figures that are none: ${figures.join(', ')}`)
      })
    })
  },
)

property(
  'groups of pairs with odd names: read as they are, or refused',
  { counted: 'groups', quick: 30, whole: 400 },
  async (tally) => {
    const folder = scratchFolder()
    let number = 0
    await tally.random(fc.array(nastyText, { minLength: 1, maxLength: 3 }), async (names) => {
      const group = path.join(folder, `group-${++number}`)
      for (const side of ['local', 'remote']) {
        mkdirSync(path.join(group, side), { recursive: true })
        for (const name of names.filter(isFileName)) {
          writeFileSync(path.join(group, side, name), '#!/bin/sh\n')
          chmodSync(path.join(group, side, name), 0o755)
        }
      }
      await survives(() => {
        for (const { name } of readGroup(group).pairs)
          if (
            path.join(folder, 'results', name) !== path.normalize(`${folder}/results/${name}`) ||
            name.includes('/')
          )
            throw new TypeError(`its results would be elsewhere: ${name}`)
      })
    })
  },
)

const isFileName = (name: string): boolean =>
  !/[/\0]/.test(name) &&
  !['', '.', '..'].includes(name) &&
  Buffer.byteLength(name) < 200 &&
  name.isWellFormed()

property(
  'names become files below their folder, and arguments of a shell as they are',
  { counted: 'names', quick: 60, whole: 2000 },
  async (tally) => {
    const folder = scratchFolder()
    const results = path.join(folder, 'results')
    mkdirSync(results)
    await tally.random(fc.tuple(nastyText, nastyText), async ([name, other]) => {
      await survives(async () => {
        for (const part of [fileName(name), subtestFolder(name), uploadedName(name)]) refuseWay(part)
        const parts = pathParts(`/${name}`)
        if (parts) for (const part of keptPath(parts)?.split('/') ?? []) refuseWay(part)
        const test = await createTestFolder(results, { suite: name, name: other, mode: 'offload' })
        await writeArtifact(results, test, other, 'x')
        for (const check of [() => tagName(name), () => parseReference(name)]) await survives(check)
        const argv = ['printf', '%s', '--', name, other].filter(
          (each) => !each.includes('\0') && each.isWellFormed(),
        )
        const { stdout } = await tryLocally(['sh', '-c', `printf '<%s>' ${quoteArgv(argv)}`])
        if (stdout !== argv.map((each) => `<${each}>`).join(''))
          throw new TypeError(`the shell saw ${stdout}`)
      })
    })
    await tally.try('outside of the folder', () => [
      ...readdirSync(folder).filter((name) => name !== 'results'),
      ...(existsSync('/tmp/pwned') ? ['/tmp/pwned'] : []),
    ])
  },
)

/** @throws for what is no plain name of a file */
function refuseWay(name: string): void {
  // oxlint-disable-next-line no-control-regex -- these are what must not be there
  if (/[/\\\u0000-\u001f\u007f]/.test(name) || ['', '.', '..'].includes(name) || name.startsWith('-'))
    throw new TypeError(`no plain name: ${JSON.stringify(name)}`)
  if (Buffer.byteLength(name) > 255) throw new DpbenchError('longer than a file may be called')
}

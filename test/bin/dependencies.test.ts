/** What `npm run check` says of the packages that dpbench is made with. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { auditOf } from '../../bin/dependencies/audit.ts'
import { licencePage, lockFaults, lockedPackages } from '../../bin/dependencies/lock.ts'

const root = path.resolve(import.meta.dirname, '../..')
const read = (name: string): string => readFileSync(path.join(root, name), 'utf8')
const sound = { version: '1.0.0', license: 'MIT', integrity: 'sha512-x' }
const faultsOf = (more: object, allow: Record<string, boolean> = {}): string[] =>
  lockFaults(lockedPackages({ packages: { '': {}, 'node_modules/a': { ...sound, ...more } } }), allow)

test('the lock file that is here: every package has a licence that is taken, a hash, and its install script decided', () => {
  const { allowScripts } = JSON.parse(read('package.json')) as { allowScripts: Record<string, boolean> }
  const packages = lockedPackages(JSON.parse(read('package-lock.json')))
  expect(packages.length).toBeGreaterThan(100)
  expect(lockFaults(packages, allowScripts)).toEqual([])
  expect(read('docs/licences.md')).toBe(licencePage(packages))
  // the one that brings Node 24; what installs the packages runs no other
  expect(Object.keys(allowScripts).filter((name) => allowScripts[name])).toEqual(['node'])
  expect(read('bin/bootstrap.sh')).toMatch(/npm install .*--ignore-scripts/)
})

test.each([
  [
    'an install script that nobody decided about',
    { hasInstallScript: true },
    'a@1.0.0 has an install script',
  ],
  ['a licence that is not taken', { license: 'AGPL-3.0-only' }, 'a@1.0.0 is under AGPL-3.0-only'],
  ['one for work alone, in what is shipped', { license: 'MPL-2.0' }, 'a@1.0.0 is under MPL-2.0'],
  ['no licence', { license: undefined }, 'a@1.0.0 has no licence'],
  ['no hash', { integrity: undefined }, 'a@1.0.0 has no hash'],
])('%s is a fault', (_, more, said) => {
  expect(faultsOf({})).toEqual([])
  expect(faultsOf(more)).toEqual([expect.stringContaining(said)])
})

test('a decision about a package that has no script, or is gone, is a fault', () => {
  expect(faultsOf({}, { a: false, gone: true })).toHaveLength(2)
  expect(faultsOf({ hasInstallScript: true }, { a: false })).toEqual([])
  expect(faultsOf({ license: 'MPL-2.0', dev: true })).toEqual([])
})

describe('the audit', () => {
  test('findings are told', () => {
    const report = { auditReportVersion: 2, vulnerabilities: { tar: { severity: 'high', range: '<6.2.1' } } }
    expect(auditOf(JSON.stringify(report), '')).toEqual({ state: 'audited', findings: ['tar <6.2.1: high'] })
    expect(auditOf('{"auditReportVersion":2,"vulnerabilities":{}}', '')).toEqual({
      state: 'audited',
      findings: [],
    })
  })

  test('a registry that has none is no finding, and no clean bill', () => {
    expect(auditOf('{"message":"405 Method Not Allowed"}', '')).toEqual({
      state: 'skipped',
      why: '405 Method Not Allowed',
    })
    expect(auditOf('', 'npm error\nnpm error network\n')).toEqual({
      state: 'skipped',
      why: 'npm error network',
    })
  })
})

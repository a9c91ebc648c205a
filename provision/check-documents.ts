/** Checks what was rendered before it leaves the machine, with the validators that this machine has. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { validateDomains } from './domain-xml.ts'
import { validateIgnition } from './ignition.ts'
import type { VmPlan } from './vm-plan.ts'

/** @throws DpbenchError with what is not valid. */
export async function checkDocuments(vms: readonly VmPlan[]): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'dpbench-render-'))
  try {
    const domains = new Map(vms.map(({ vm, domain }) => [vm.name, domain]))
    await validateDomains(domains, folder, (file, text) => writeFile(file, text, { mode: 0o600 }))
    for (const { vm, ignition } of vms) await validateIgnition(vm.name, ignition)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Creates the VMs: every hypervisor is looked at before anything is made on any; then hypervisors side by side. */
import { ProvisionError } from '../src/core/errors.ts'
import type { HypervisorConfig } from '../src/config/types.ts'
import type { RemoteHost } from '../src/transport/host.ts'
import { awaitVm } from './boot.ts'
import type { Connections } from './connections.ts'
import type { ProvisionedMachine } from './api.ts'
import { inspectHypervisor } from './preflight.ts'
import { hostOf, type ProvisionRun, type Step } from './run.ts'
import { planSteps } from './steps.ts'
import { checkDocuments } from './check-documents.ts'
import { planVms, type VmPlan } from './vm-plan.ts'

export interface HypervisorPlan {
  readonly hypervisor: HypervisorConfig
  readonly host: RemoteHost
  readonly vms: readonly VmPlan[]
  readonly steps: readonly Step[]
}

/**
 * @param failure is aborted when one hypervisor fails, so that the others stop.
 */
export async function createVms(
  run: ProvisionRun,
  connections: Pick<Connections, 'to'>,
  failure: AbortController,
): Promise<ProvisionedMachine[]> {
  const plans = await planAll(run, connections)
  const results = await Promise.allSettled(
    plans.map(async (plan) => {
      try {
        return await carryOut(run, plan)
      } catch (error) {
        failure.abort(error)
        throw error
      }
    }),
  )
  // the first that failed, not one that was stopped because of it; the user's signal before all
  const failed = results.find((result) => result.status === 'rejected')
  if (failed) {
    run.signal.throwIfAborted()
    throw failed.reason
  }
  return results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
}

/** @throws ProvisionError with every fault of every hypervisor, before anything is created. */
async function planAll(run: ProvisionRun, connections: Pick<Connections, 'to'>): Promise<HypervisorPlan[]> {
  const chosen = run.config.hypervisors.filter(({ vms }) => vms.length > 0)
  const inspected = await Promise.all(
    chosen.map(async (hypervisor) => {
      const host = await connections.to(hostOf(run.config, hypervisor), run.signal)
      return { host, facts: await inspectHypervisor(run, hypervisor, host) }
    }),
  )
  const faults = inspected.flatMap(({ facts }) => facts.faults)
  if (faults.length > 0) {
    throw new ProvisionError(['Nothing was created:', ...faults.map((fault) => `  ✖ ${fault}`)].join('\n'))
  }
  const plans = inspected.map(({ host, facts }) => {
    const vms = planVms(run, facts)
    return { hypervisor: facts.hypervisor, host, vms, steps: planSteps(run, facts, vms) }
  })
  await checkDocuments(plans.flatMap(({ vms }) => vms))
  return plans
}

async function carryOut(
  run: ProvisionRun,
  { hypervisor, host, vms, steps }: HypervisorPlan,
): Promise<ProvisionedMachine[]> {
  for (const step of steps) {
    run.signal.throwIfAborted()
    if (step.undo) {
      await run.journal.record({
        runId: run.runId,
        scope: 'provision',
        host: hostOf(run.config, hypervisor),
        undo: step.undo,
        what: `${step.thing ?? step.what} on ${hypervisor.name}`,
      })
    }
    if (run.onStep) run.onStep(hypervisor.name, step)
    else run.progress.say(hypervisor.name, step.what)
    await step.run(host)
  }
  const states = { absent: 'created', stopped: 'started', running: 'unchanged' } as const
  return Promise.all(
    vms.map(async (plan) => ({
      name: plan.vm.name,
      hypervisor: hypervisor.name,
      state: states[plan.state],
      macAddress: plan.macAddress,
      hostKey: plan.hostKey,
      address: await awaitVm(run, host, plan),
    })),
  )
}

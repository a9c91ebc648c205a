/** A lab's config for suites that bring their own data plane, as `dpbench lab up --dataplane none` writes it. */
import { type EditableConfig, shortMeasurement } from './project.ts'

export function plainConfig(lab: EditableConfig): EditableConfig {
  const config = structuredClone(lab)
  delete config.default_dpservice_image
  delete config.lb
  for (const hypervisor of config.hypervisors) {
    delete hypervisor.dpservice
    for (const vm of hypervisor.vms) {
      delete vm.nat
      const { ipv4, bridge } = vm.if_config
      vm.if_config = { ipv4, bridge }
    }
  }
  const low = { local_vm2vm: 0.01, remote_vm2vm: 0.01 }
  return {
    ...config,
    dataplane: 'none',
    measurement: shortMeasurement,
    expected_throughput: { plain: low },
  }
}

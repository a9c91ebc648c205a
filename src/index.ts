/** The API of suites: `import { expect, test } from 'dpbench'`. The plugin is at `dpbench/plugin`. */
import './vitest/matchers.ts'

export { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest'
export { test } from './vitest/fixtures.ts'
export { type PairsOptions, pairs } from './vitest/pairs.ts'
export { guestRun, type GuestRunOptions } from './vitest/guest-run.ts'
export type { BalancedRequest, TestTraffic } from './vitest/balanced.ts'
export type { PollCondition } from './vitest/fixtures.ts'
export type { TestDataplane } from './vitest/test-dataplane.ts'
export type { MachineChange, MakeChange } from './vitest/machine-changes.ts'
export type { PollingCondition, PollingOptions } from './vitest/polling-condition.ts'
export type { Part, TestLog } from './vitest/test-steps.ts'
export type * from './vitest/traffic-requests.ts'
export type { BaselineCheck } from './report/baseline-check.ts'
export type { Measured, MeasuredMetric, MeasuredPath } from './vitest/metrics.ts'
export type { MetricVerdict } from './verdict/metric.ts'
export type { BalancedPath, NatPath, Path, RolesAcross } from './vitest/placement.ts'
export type { Placement } from './vitest/placement-choice.ts'
export type { Through } from './vitest/through.ts'
export type {
  OwnThreshold,
  Threshold,
  ThresholdKey,
  Throughput,
  ThroughputRequest,
} from './vitest/throughput.ts'
export type { Family, VirtualMachine } from './machine/virtual-machine.ts'
export type { KernelTrouble, TroubleKind } from './machine/kernel-trouble.ts'
export type { QmpCommand } from './machine/monitor.ts'
export type { EventWaitOptions, QemuEvent, QemuEvents } from './machine/qemu-events.ts'
export type { Hypervisor } from './machine/hypervisor.ts'
export type { Machine } from './machine/machine.ts'
export { type Commands, type Executed, MachineCommandError } from './machine/commands.ts'
export type { ForwardOptions, ForwardedPort } from './machine/forward.ts'
export type { BootProof } from './machine/power.ts'
export type { TimedOptions } from './machine/reachable.ts'
export type { UnitInfo, UnitOptions } from './machine/units.ts'
export type { PortOptions, UnixSocketOptions } from './machine/waits.ts'
export type { Sample } from './verdict/sample.ts'
export type { Verdict } from './verdict/verdict.ts'
export {
  ConditionError,
  ConfigError,
  ConnectionError,
  DeployError,
  DpbenchError,
  GuestRunError,
  HostKeyError,
  MachineError,
  MeasurementError,
  ProvisionError,
  ThresholdError,
  UsageError,
  WaitError,
} from './core/errors.ts'
export { CommandError } from './core/command-result.ts'

/** From what the data plane counted during a repetition to what it shows of the mode. */
import type { Mode, SoftwarePackets } from '../dataplane/dataplane.ts'
import type { Family } from '../machine/virtual-machine.ts'
import { tcpPayloadBytes } from '../verdict/ceiling.ts'
import { evidenceOf } from '../verdict/mode-evidence.ts'
import type { FlowSample, ModeEvidence } from '../verdict/sample.ts'

/** @param path the flows' family, and the MTU that whole packets were seen to pass with */
export function modeEvidence(
  mode: Mode,
  software: SoftwarePackets,
  flows: readonly FlowSample[],
  { family, mtuBytes }: { readonly family: Family; readonly mtuBytes: number },
): ModeEvidence {
  return evidenceOf(mode, software, flows, tcpPayloadBytes({ mtu: mtuBytes, family }))
}

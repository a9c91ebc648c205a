/** Free space, on whatever machine. */
import { type Judgement, fault, ok, warning } from '../finding.ts'

const gibibyte = 2 ** 30
/** A guest image with its overlays, or dpservice's image while it is unpacked, has no room in less. */
const faultBytes = 2 * gibibyte
/** Room for one more of them while the old one is still there. */
const warningBytes = 5 * gibibyte

/** @param free bytes; `undefined` where they could not be told */
export function spaceFinding(
  check: string,
  folder: string,
  free: number | undefined,
  advice: string,
): Judgement {
  if (free === undefined || !Number.isFinite(free))
    return warning(check, `the free space of ${folder} could not be told`, `df -h ${folder}`)
  const found = `${(free / gibibyte).toFixed(1)} GiB free for ${folder}`
  const doIt = `make room: df -h ${folder}; ${advice}`
  if (free < faultBytes) return fault(check, `${found}, less than ${faultBytes / gibibyte} GiB`, doIt)
  return free < warningBytes
    ? warning(check, `${found}, less than ${warningBytes / gibibyte} GiB`, doIt)
    : ok(check, found)
}

/**
 * What runs on a machine to count there during a measurement. It prints a reading of the kernel's counters, waits, and prints
 * another with what the cores did each second in between. Meanwhile it forks nothing, writes nothing and sends nothing: Bash
 * waits by `read -t` and keeps its series in memory (docs/counters.md has what that costs).
 */
import { shell } from '../../core/shell-quote.ts'

/** Begins each part of the output, and stands in no file of /proc. */
export const partMark = '\f'
/** The line that says that the first reading is complete. */
export const readyLine = `${partMark}ready`

/**
 * Devices of a bus alone have drivers that count what the kernel does not; the representors of VFs have no queues of their own.
 * CPU and clock come last, next to the line that the controller takes the time of.
 */
const readingFunction = `export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
part() { printf '\\f%s\\n' "$1"; }
reading() {
  part interfaces; lines_of /proc/net/dev ''
  part softirqs; lines_of /proc/softirqs ''
  part tcp; lines_of /proc/net/snmp Tcp:
  part drivers
  if command -v ethtool >/dev/null; then
    for d in /sys/class/net/*; do
      [ -e "$d/device" ] || continue
      port=; { read -r port < "$d/phys_port_name"; } 2>/dev/null
      case $port in *vf*|*sf*) continue;; esac
      printf 'device %s\\n' "\${d##*/}"
      drops_of "\${d##*/}"
    done
  fi
  part cores; lines_of /proc/stat 'cpu[0-9]'
  part uptime; lines_of /proc/uptime ''
}`

const drops = '(drop|discard|rx_missed|no_buf|out_of_buf)[a-z_]*: [0-9]+$'

/** `lines_of FILE PATTERN` prints the lines that begin so, `drops_of DEVICE` a driver's counters of what it dropped. */
const inAnyShell = `lines_of() { grep "^$2" "$1"; }
drops_of() { ethtool -S "$1" 2>/dev/null | grep -E '${drops}'; }`

/** The same in Bash, which reads and looks for itself: an emulated machine starts few programs in a second. */
const inBash = `matching() {
  text=
  for line in "\${lines[@]}"; do [[ $line =~ $1 ]] && text+=$line$'\\n'; done
  printf '%s' "$text"
}
lines_of() { mapfile -t lines < "$1"; matching "^$2"; }
drops_of() { mapfile -t lines < <(ethtool -S "$1" 2>/dev/null); matching '${drops}'; }`

/** A line on standard input, or its end, ends the waiting, and so do so many points as it was told: nothing goes on when the controller is gone. */
const seriesLoop = `reading
mapfile -t lines < <(lines_of /proc/stat 'cpu[0-9]')
cores=\${#lines[@]}
part ready
series= n=0
while [ "$n" -lt "$1" ]; do
  read -r -t 1 line
  [ $? -gt 128 ] || break
  read -r up rest < /proc/uptime
  mapfile -t -n $((cores + 1)) lines < /proc/stat
  printf -v point '%s\\n' "$up" "\${lines[@]}"
  series+=$point
  n=$((n + 1))
done
reading
part series; printf '%s' "$series"
part end`

/** One reading. */
export function readingCommand(): string[] {
  return shell(`${inAnyShell}\n${readingFunction}\nreading\npart end`)
}

/**
 * A reading at once and another at the end, with a point each second between. Only Bash can wait for a second without a
 * process of its own: where it is not there, the command ends after the first reading.
 * @param mostPoints after which it ends by itself
 */
export function samplingCommand(mostPoints: number): string[] {
  const begin = 'if command -v bash >/dev/null; then exec bash -c "$2" bash "$1"; fi'
  return shell(
    `${begin}\n${inAnyShell}\n${readingFunction}\nreading\npart ready`,
    String(mostPoints),
    `${inBash}\n${readingFunction}\n${seriesLoop}`,
  )
}

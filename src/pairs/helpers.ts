/**
 * What a program finds in its PATH on its machine. The helpers ask the controller by a line in a pipe and wait for the
 * answer in another: the machines need no key for each other, listen on nothing, and nothing polls.
 */
import { quoteArg } from '../core/shell-quote.ts'

/** Asks: `ask KIND [PORT]`, with a command for the remote machine in `DPBENCH_PAIR_COMMAND`. */
const ask = `#!/bin/sh
# Asks the controller, waits for its answer, and ends with the status that it gives.
control=\${DPBENCH_PAIR_CONTROL-}
[ -p "$control/requests" ] || { echo "\${DPBENCH_PAIR_HELPER:-ask}: only programs and hooks of the local side can ask this" >&2; exit 255; }
place=$(mktemp -d "$control/ask.XXXXXX") || exit 255
mkfifo "$place/answer" || exit 255
exec 3<>"$place/answer"
name=\${place##*/}
printf '%s' "\${DPBENCH_PAIR_COMMAND-}" > "$place/command"
# a pipe or a file is for the remote command; anything else it would wait for in vain
if [ "$1" = run ] && { [ -p /dev/stdin ] || [ -f /dev/stdin ]; }; then cat > "$place/input"; fi
trap 'printf "cancel %s\\n" "$name" > "$control/requests"; rm -rf "$place"; exit 143' HUP INT TERM
printf '%s %s %s\\n' "$1" "$name" "\${2-}" > "$control/requests"
read -r status <&3
[ -s "$place/out" ] && cat "$place/out"
[ -s "$place/err" ] && cat "$place/err" >&2
rm -rf "$place"
exit "\${status:-255}"
`

const here = 'here=${0%/*}; DPBENCH_PAIR_HELPER=${0##*/}; export DPBENCH_PAIR_HELPER'

function waitForPort(state: 'open' | 'close', done: string): string {
  return `#!/bin/sh
${here}
port=\${1:-\${PORT-}}
case $port in
  ''|*[!0-9]*|??????*) echo "$DPBENCH_PAIR_HELPER: \\"$port\\" is no port: write $DPBENCH_PAIR_HELPER 5000" >&2; exit 2;;
esac
[ "$port" -ge 1 ] && [ "$port" -le 65535 ] || { echo "$DPBENCH_PAIR_HELPER: $port is no port: 1 to 65535" >&2; exit 2; }
echo "Waiting for the remote machine to ${state} port $port"
"$here/dpbench-ask" port-${state} "$port" || exit
echo "The remote machine has ${done} port $port"
`
}

function say(word: string, then = ''): string {
  return `#!/bin/sh\nprintf '# ${word}: %b\\n' "$*"\n${then}`
}

/** The helpers' files, by name; they lie beside each other in a folder of the work folder. */
export const helperFiles: Readonly<Record<string, string>> = {
  'dpbench-ask': ask,
  wait_for_remote: `#!/bin/sh
${here}
echo "Waiting for the remote program to end"
"$here/dpbench-ask" wait || exit
echo "The remote program has ended"
`,
  kill_remote: `#!/bin/sh
${here}
"$here/dpbench-ask" kill
`,
  wait_for_remote_port_open: waitForPort('open', 'opened'),
  wait_for_remote_port_close: waitForPort('close', 'closed'),
  say_error: say('FATAL', 'exit 255\n'),
  say_warning: say('WARNING'),
  say_info: say('INFO'),
  // what SSH_EXEC and SSH are: the words of a command for the remote machine, after its address in the second
  'dpbench-on-remote': `#!/bin/sh
${here}
DPBENCH_PAIR_COMMAND=$*; export DPBENCH_PAIR_COMMAND
exec "$here/dpbench-ask" run
`,
  'dpbench-ssh': `#!/bin/sh
while [ $# -gt 0 ]; do case $1 in -[pilo]) shift 2;; -*) shift;; *) break;; esac; done
shift
exec "\${0%/*}/dpbench-on-remote" "$@"
`,
}

/** Only where a machine lacks sudo and its programs are root's anyway: scripts say `sudo` all the same. */
export const sudoForRoot = `#!/bin/sh
shell=
while [ $# -gt 0 ]; do
  case $1 in
    -s|-i) shell=yes; shift;;
    -[gCpThDRU]) shift 2;;
    -u) [ "$2" = root ] || { echo "sudo is not installed here, so nobody can become $2" >&2; exit 1; }; shift 2;;
    --) shift; break;;
    -*) shift;;
    *=*) export "$1"; shift;;
    *) break;;
  esac
done
[ $# -gt 0 ] || { [ -n "$shell" ] && exec "\${SHELL:-/bin/sh}"; exit 0; }
[ -z "$shell" ] || exec "$(command -v bash || echo /bin/sh)" -c "$*"
exec "$@"
`

/**
 * The same for bash, as exported functions: `say_error` ends the script that calls it, and a port is kept in PORT, as
 * the scripts of mirage-bench find it.
 */
export function exportedFunctions(helpers: string): string[] {
  const call = (name: string): string => `${quoteArg(`${helpers}/${name}`)}`
  const bodies: Record<string, string> = {
    wait_for_remote: `${call('wait_for_remote')} "$@"`,
    kill_remote: `${call('kill_remote')} "$@"`,
    wait_for_remote_port_open: `PORT=\${1:-\${PORT-}}; ${call('wait_for_remote_port_open')} "$PORT"`,
    wait_for_remote_port_close: `PORT=\${1:-\${PORT-}}; ${call('wait_for_remote_port_close')} "$PORT"`,
    say_error: `echo -e "# FATAL: $@"; exit 255`,
    say_warning: `echo -e "# WARNING: $@"`,
    say_info: `echo -e "# INFO: $@"`,
  }
  return Object.entries(bodies).map(([name, body]) => `BASH_FUNC_${name}%%=() { ${body}\n}`)
}

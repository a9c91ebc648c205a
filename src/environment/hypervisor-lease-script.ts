/**
 * What runs on a hypervisor to hold, show and break its lease. Bash, for `read -t`; util-linux's flock. The lock is on a folder that
 * goes with the lease: who gets the lock of a folder that has just been removed has nothing, and begins again.
 */

const folder = '/run/dpbench-lease'
export const leasedLine = 'leased'

/**
 * Ended anywhere it takes its folder with it: while it holds the lease that is certain to be its own; before, it is nobody's
 * when its lock is free. A second signal does not end that: one that comes before it is ignored does it all, and then exits.
 */
const hold = `umask 077
dir=${folder}
wait=$3
leave() {
  trap '' TERM HUP INT
  trap - EXIT
  if [ -n "$held" ]; then
    rm -f -- "$dir/holder" "$dir/partial"
    rmdir -- "$dir"
  else
    { exec 9<&-; exec 8< "$dir"; } 2>/dev/null && flock -n 8 && [ "$dir" -ef /dev/fd/8 ] && rmdir -- "$dir"
  fi
}
trap leave EXIT
trap 'leave; exit 143' TERM HUP INT
while :; do
  mkdir -p -- "$dir" || exit 1
  { exec 9< "$dir"; } 2>/dev/null || continue
  # a second, for who only looks
  if ! flock -w 1 9; then
    printf 'held '; cat -- "$dir/holder" 2>/dev/null || echo
    [ "$wait" -gt 0 ] && flock -w "$wait" 9 || exit 75
  fi
  [ "$dir" -ef /dev/fd/9 ] && held=1 && break
done
printf '%s\\n%s\\n' "$1" "$$" > "$dir/partial" && mv -f -- "$dir/partial" "$dir/holder" || exit 1
echo ${leasedLine}
while :; do
  read -r -t "$2" beat
  status=$?
  [ "$status" -eq 0 ] || break
done
[ "$status" -le 128 ] || { echo "nothing was heard of its owner for $2 s" >&2; exit 1; }
exit 0`

/** A lock that nobody holds is nobody's lease, whatever the file says. */
const look = `dir=${folder}
exec 9< "$dir" || exit 0
flock -n 9 && exit 0`

const show = `${look}
printf 'held '; head -n 1 -- "$dir/holder" || echo`

/** The process is ended only while it has the folder open: its number alone may be another's by now. */
const breaking = `${look}
{ read -r holder; read -r pid; } < "$dir/holder" || { echo 'the lease has just changed hands: try again' >&2; exit 1; }
for fd in /proc/"$pid"/fd/*; do
  [ "$fd" -ef "$dir" ] && own=1 && break
done
[ -n "$own" ] || { echo "process $pid does not hold the lease any more: try again" >&2; exit 1; }
kill -s TERM -- "$pid" && flock -w 10 9 || { echo "process $pid did not let go" >&2; exit 1; }
printf 'held %s\\n' "$holder"`

export function leaseCommand(holder: string, expirySeconds: number, waitSeconds: number): string[] {
  return bash(hold, holder, String(expirySeconds), String(waitSeconds))
}

/** Prints `held {…}` with its holder, or nothing. */
export function showCommand(): string[] {
  return bash(`exec 2>/dev/null; ${show}`)
}

/** Prints `held {…}` with who held it, or nothing. */
export function breakCommand(): string[] {
  return bash(breaking)
}

function bash(script: string, ...args: readonly string[]): string[] {
  return ['bash', '-c', script, 'bash', ...args]
}

/** What a guest's system wrote during a run: its journal, or what there is where no journald runs. */
import { mostLogBytes } from '../core/kept-log.ts'
import { shell } from '../core/shell-quote.ts'
import type { RemoteHost } from '../transport/host.ts'

const fetchTimeoutMs = 30_000

/**
 * By the guest's own clock, which may be another than ours: so many seconds until now. A journal that says nothing is none:
 * then the kernel's messages since, and the system's log files that were written to since.
 */
const script = `seconds=$1
journal=$(journalctl --quiet --no-pager --output=short-iso-precise --since="-\${seconds}s" 2>/dev/null | head -c 1)
if [ -n "$journal" ]; then
  journalctl --quiet --no-pager --output=short-iso-precise --since="-\${seconds}s"
  exit
fi
echo '== no journal; the kernel log of the time of the run'
up=$(cut -d. -f1 /proc/uptime)
dmesg 2>&1 | awk -v since="$((up - seconds))" '{ at = $0; gsub(/^\\[ */, "", at); if ($0 !~ /^\\[ *[0-9]/ || at + 0 >= since) print }'
for name in syslog messages secure auth.log daemon.log sshd.log; do find /var/log -xdev -maxdepth 2 -type f -name "$name" -newermt "-$seconds seconds" 2>/dev/null; done |
while read -r file; do
  echo "== the end of $file"
  tail -n 1000 "$file"
done`

/** @throws CommandError, ConnectionError */
export async function guestLog(guest: RemoteHost, seconds: number): Promise<string> {
  const bounded = shell(
    'most=$1; shift; "$@" | tail -c "$most"',
    String(mostLogBytes.journal),
    ...shell(script, String(Math.ceil(seconds))),
  )
  return (await guest.run(bounded, { timeoutMs: fetchTimeoutMs })).stdout
}

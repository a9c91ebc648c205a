#!/bin/sh
# The guest's side of a guest run, started once at boot as root: fetches run.sh from the host, runs it, powers off.
# In gem5, whose CPU says that it is the M5 Simulator, the script comes by `m5 readfile`. Needs sh, sed, grep, and curl or
# wget (busybox's will do). docs/guest-runs.md has what it does, for who puts it into an image of their own.

say() { echo "dpbench: $*"; }

argument() { # the value of the kernel argument $1
	tr ' ' '\n' < /proc/cmdline | sed -n "s/^$1=//p" | tail -n 1
}

fetch() { # $1: address, $2: file
	if command -v curl > /dev/null 2>&1; then
		curl -fs --connect-timeout 10 --max-time 60 -o "$2" "$1"
	else
		wget -q -T 60 -O "$2" "$1"
	fi
}

# systemd resolves _gateway; where it does not, the default route knows it
name_gateway() {
	grep -qs '[[:space:]]_gateway' /etc/hosts && return
	command -v resolvectl > /dev/null 2>&1 && return
	gateway=$(ip -4 route 2> /dev/null | sed -n 's/^default via \([0-9.]*\).*/\1/p' | head -n 1)
	[ -n "$gateway" ] && echo "$gateway _gateway" >> /etc/hosts
}

# the network may come up after this service: asks again until the deadline
fetch_run_script() {
	tries=0
	until [ -n "$DPBENCH_SERVER_SET" ] || name_gateway; do
		tries=$((tries + 1))
		[ $tries -ge 120 ] && break
		sleep 0.5 2> /dev/null || sleep 1
	done
	tries=0
	until fetch "$DPBENCH_URL/run.sh" "$script"; do
		tries=$((tries + 1))
		[ $tries -ge 120 ] && return 1
		sleep 0.5 2> /dev/null || sleep 1
	done
}

script=${DPBENCH_SCRIPT:-/tmp/dpbench-run.sh}
DPBENCH_SERVER_SET=${DPBENCH_SERVER:=$(argument dpbench.server)}
DPBENCH_URL="http://${DPBENCH_SERVER:-_gateway:3003}"
export DPBENCH_URL
mkdir -p "${script%/*}"

if grep -qs 'M5 Simulator' /proc/cpuinfo; then
	m5=$(command -v m5 || echo /sbin/m5)
	"$m5" readfile > "$script"
	if [ -s "$script" ]; then sh -c "chmod 755 '$script'; '$script'"; else say 'no script: gem5 was started without --script'; fi
	sync
	"$m5" exit
	exit 0
fi

if fetch_run_script; then
	chmod 755 "$script"
	"$script"
else
	say "nothing answers at $DPBENCH_URL/run.sh"
fi
sync
if [ -n "${DPBENCH_INTERACTIVE:=$(argument dpbench.interactive)}" ]; then
	say 'the run has ended; this shell is yours, and "poweroff -f" ends the VM'
	exec setsid sh -c 'exec sh -i < /dev/console > /dev/console 2>&1'
fi
poweroff -f

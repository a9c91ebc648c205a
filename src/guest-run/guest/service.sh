#!/bin/sh
# The guest's side of a guest run, started once at boot as root: fetches run.sh from the host, runs it, powers off.
# In gem5, whose CPU says that it is the M5 Simulator, the script comes by `m5 readfile`. Needs sh, and curl or wget
# (busybox's will do). docs/guest-runs.md has what it does, for who puts it into an image of their own.
# It starts as few processes as can be: each costs an emulated CPU a twentieth of a second.

say() { echo "dpbench: $*"; }

argument() { # puts the value of the kernel argument $1 into $value
	value=
	for each in $cmdline; do
		case $each in "$1="*) value=${each#*=} ;; esac
	done
}

in_gem5() {
	while read -r line; do
		case $line in
		*'M5 Simulator'*) return 0 ;;
		'') return 1 ;; # the other CPUs are like the first
		esac
	done < /proc/cpuinfo
	return 1
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
	[ -n "$known" ] && return
	grep -qs '[[:space:]]_gateway' /etc/hosts && return
	command -v resolvectl > /dev/null 2>&1 && return
	gateway=$(ip -4 route 2> /dev/null | sed -n 's/^default via \([0-9.]*\).*/\1/p')
	gateway=${gateway%%[!0-9.]*}
	[ -n "$gateway" ] && echo "$gateway _gateway" >> /etc/hosts
}

# the network may come up after this service: asks again until the deadline
fetch_run_script() {
	tries=0
	until name_gateway && fetch "$DPBENCH_URL/run.sh" "$script"; do
		tries=$((tries + 1))
		[ $tries -ge 120 ] && return 1
		sleep 0.5 2> /dev/null || sleep 1
	done
}

[ -n "${DPBENCH_CMDLINE+set}" ] && cmdline=$DPBENCH_CMDLINE || read -r cmdline < /proc/cmdline
argument dpbench.server
known=$value
DPBENCH_URL="http://${known:-_gateway:3003}"
export DPBENCH_URL
script=${DPBENCH_SCRIPT:-/tmp/dpbench-run.sh}

if in_gem5; then
	m5=$(command -v m5 || echo /sbin/m5)
	"$m5" readfile > "$script"
	chmod 755 "$script"
	if [ -s "$script" ]; then "$script"; else say 'no script: gem5 was started without --script'; fi
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
argument dpbench.interactive
if [ -n "$value" ]; then
	say 'the run has ended; this shell is yours, and "poweroff -f" ends the VM'
	# /dev/console cannot be the terminal of a shell; what stands behind it can
	read -r console < /sys/class/tty/console/active
	shell=$(command -v bash || echo sh)
	exec "$shell" -i < "/dev/${console##* }" > "/dev/${console##* }" 2>&1
fi
poweroff -f

#!/usr/bin/env bash
# What ktest's tests take from its tests/test-libs.sh, for tests that come without it: written anew from what it does.
# shellcheck source=src/guest-run/guest/prelude.sh
. "$(dirname "$(readlink -e "${BASH_SOURCE[0]}")")/prelude.sh"

config-mem 2G

stress_timeout() { echo $(((ktest_priority + 3) * 600)); }

wait_on_dev() {
	local device
	for device; do
		until [[ -b $device || -c $device ]]; do sleep 0.5; done
	done
}

setup_tracing() {
	local folder=/sys/kernel/debug/tracing
	echo > $folder/trace
	echo 4096 > $folder/buffer_size_kb
	echo "$@" > $folder/set_event
	echo 1 > /proc/sys/kernel/ftrace_dump_on_oops
	echo 1 > $folder/tracing_on
}

# of kernels that inject faults by ktest's own patches; elsewhere nothing is to be done
set_faults() { [[ ! -f /sys/kernel/debug/dynamic_fault/control ]] || echo "$@" > /sys/kernel/debug/dynamic_fault/control; }
enable_memory_faults() { set_faults 'class memory frequency 100'; }
disable_memory_faults() { set_faults 'class memory disable'; }
enable_race_faults() { set_faults 'class race frequency 1000'; }
disable_race_faults() { set_faults 'class race disable'; }
enable_faults() { enable_memory_faults; enable_race_faults; }
disable_faults() { disable_race_faults; disable_memory_faults; }

antagonist_sync() { while :; do sync; sleep 0.5; done; }
antagonist_drop_caches() { while :; do echo 3 > /proc/sys/vm/drop_caches; sleep 5; done; }

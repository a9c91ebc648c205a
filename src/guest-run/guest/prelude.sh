#!/usr/bin/env bash
# The functions that ktest's tests take from its tests/prelude.sh, for tests that come without it: written anew from what
# they do, for dpbench. Sourced by the test, which then calls: main "$@"

: "${ktest_cpus:=1}" "${ktest_mem:=}" "${ktest_timeout:=0}" "${ktest_timeout_multiplier:=1}" "${ktest_arch:=}"
: "${ktest_storage_bus:=virtio-scsi-pci}" "${ktest_failfast:=false}" "${ktest_verbose:=false}" "${ktest_priority:=0}"
declare -a ktest_kernel_append ktest_kernel_make_append ktest_scratch_dev ktest_scratch_dev_sizes
declare -a ktest_kernel_config_require ktest_make_install ktest_images ktest_qemu_append ktest_pmem_devs

config-mem() { ktest_mem=$1; }
config-cpus() { ktest_cpus=$1; }
config-arch() { ktest_arch=$1; }
config-image() { ktest_images+=("$1"); }
config-pmem-devs() { ktest_pmem_devs+=("$1"); }
config-timeout() { ktest_timeout=$1; }
config-timeout-multiplier() { ktest_timeout_multiplier=$((ktest_timeout_multiplier * $1)); }

# the first disk is the root's: scratch disks are sdb, sdc, … (vdb, … on virtio-blk)
config-scratch-devs() {
	local letters=({b..z}) prefix=sd
	[[ $ktest_storage_bus != virtio-blk ]] || prefix=vd
	ktest_scratch_dev+=("/dev/$prefix${letters[${#ktest_scratch_dev[@]}]}")
	ktest_scratch_dev_sizes+=("$1")
}

require-kernel-config() {
	local options
	IFS=, read -ra options <<< "$1"
	ktest_kernel_config_require+=("${options[@]}")
}
require-kernel-append() { ktest_kernel_append+=("$1"); }
require-kernel-make-append() { ktest_kernel_make_append+=("$1"); }
require-qemu-append() { ktest_qemu_append+=("$@"); }
require-make() { ktest_make_install+=("$1"); }
require-gcov() {
	local folder=${1%/}
	require-kernel-make-append "GCOV_PROFILE_${folder//\//_}=y"
	require-kernel-config GCOV_KERNEL
}
require-git() {
	local folder=${2:-$(basename "$1" .git)} here
	here=$(dirname "$(readlink -e "${BASH_SOURCE[1]}")")
	[[ -d $here/$folder ]] || echo "dpbench: clone $1 to $folder beside the test: nothing is fetched here" >&2
}

# the host gives the test this many seconds from now
set_watchdog() {
	ktest_timeout=$((ktest_timeout_multiplier * $1))
	echo "WATCHDOG $ktest_timeout"
}

list_tests() { declare -F | sed -n 's/^declare -f test_//p'; }

run_test() {
	if ! declare -F "test_$1" > /dev/null; then
		echo "test $1 does not exist"
		exit 1
	fi
	"test_$1"
}

# each test in a shell of its own that ends at its first failure
run_tests() {
	local name began status passed=() failed=()
	for name in "$@"; do
		printf '========= TEST   %s\n\n' "$name"
		began=$SECONDS
		(set -e; run_test "$name")
		status=$?
		echo
		if ((status == 0)); then
			echo "========= PASSED $name in $((SECONDS - began))s"
			passed+=("$name")
			continue
		fi
		echo "========= FAILED $name in $((SECONDS - began))s"
		failed+=("$name")
		if $ktest_failfast; then break; fi
	done
	printf '\nPassed: %s\nFailed: %s\n' "${passed[*]}" "${failed[*]}"
	return ${#failed[@]}
}

main() {
	local what=${1:-}
	[[ -n $what ]] || exit 0
	shift
	case $what in
	deps)
		local name
		for name in arch cpus mem storage_bus; do
			name=ktest_$name
			echo "$name=${!name}"
		done
		echo "ktest_timeout=$((ktest_timeout * ktest_timeout_multiplier))"
		for name in kernel_append kernel_make_append images scratch_dev_sizes make_install kernel_config_require \
			qemu_append pmem_devs; do
			local -n list=ktest_$name
			echo "ktest_$name=(${list[*]})"
		done
		;;
	list-tests) list_tests ;;
	run-tests) run_tests "$@" ;;
	*)
		echo "usage: $0 deps|list-tests|run-tests TEST..." >&2
		exit 1
		;;
	esac
}

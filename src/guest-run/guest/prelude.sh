#!/usr/bin/env bash
# The functions that ktest's tests take from its tests/prelude.sh, for tests that come without it: written anew from what
# they do, for dpbench. Sourced by the test, which then calls: main "$@"

if [[ ! -v ktest_interactive ]]; then
	: "${ktest_failfast:=false}" "${ktest_verbose:=false}" "${ktest_priority:=0}"
	ktest_interactive=false
fi
if [[ ! -v ktest_mem ]]; then
	: "${ktest_cpus:=1}" "${ktest_timeout:=0}" "${ktest_timeout_multiplier:=1}" "${ktest_allow_taint:=false}"
	: "${ktest_arch:=x86_64}" "${KERNEL_ARCH:=x86}" "${BITS:=64}" "${ktest_storage_bus:=virtio-scsi-pci}" "${ktest_vms:=1}"
	ktest_mem=''
	# global also where this file is sourced by a function
	declare -ga ktest_kernel_append=() ktest_kernel_make_append=() ktest_scratch_dev=() ktest_scratch_dev_sizes=()
	declare -ga ktest_kernel_config_require=() ktest_kernel_config_require_soft=() ktest_make_install=()
	declare -ga ktest_images=() ktest_qemu_append=() ktest_pmem_devs=() ktest_containers=() ktest_require=()
fi

config-mem() { ktest_mem=$1; }
config-cpus() { ktest_cpus=$1; }
config-arch() { ktest_arch=$1; }
config-compiler() { :; }
config-image() { ktest_images+=("$1"); }
config-rw-image() { ktest_images+=("$1"); }
config-pmem-devs() { ktest_pmem_devs+=("$1"); }
config-timeout() { ktest_timeout=$1; }
config-timeout-multiplier() { ktest_timeout_multiplier=$((ktest_timeout_multiplier * $1)); }
config-nr-vms() { ktest_vms=$1; }
config-vmcount() { ktest_vms=$1; }
allow_taint() { ktest_allow_taint=true; }

# the first disk is the root's: scratch disks are sdb, sdc, … (vdb, … on virtio-blk); several sizes have commas between them
config-scratch-devs() {
	local letters=({b..z}) prefix=sd size sizes
	[[ $ktest_storage_bus != virtio-blk ]] || prefix=vd
	IFS=, read -ra sizes <<< "$1"
	for size in "${sizes[@]}"; do
		ktest_scratch_dev+=("/dev/$prefix${letters[${#ktest_scratch_dev[@]}]}")
		ktest_scratch_dev_sizes+=("$size")
	done
}

require-kernel-config() {
	local options
	IFS=, read -ra options <<< "$1"
	ktest_kernel_config_require+=("${options[@]}")
}
require-kernel-config-soft() { ktest_kernel_config_require_soft+=("$1"); }
require-kernel-append() { ktest_kernel_append+=("$1"); }
require-kernel-make-append() { ktest_kernel_make_append+=("$1"); }
require-qemu-append() { ktest_qemu_append+=("$@"); }
require-make() { ktest_make_install+=("$1"); }
require-build-deb() { ktest_make_install+=("$1"); }
require-container() { ktest_containers+=("$1"); }
require-bin() { ktest_require+=("$1"); }
require-file() { ktest_require+=("$1"); }
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

# from the folder of the file that says so
require-lib() {
	local file=$1 before=${TESTDIR:=$(dirname "$(readlink -e "${BASH_SOURCE[1]}")")}
	[[ $file = /* ]] || file=$TESTDIR/$file
	if [[ ! -e $file ]]; then
		echo "$1 is not in $TESTDIR" >&2
		exit 1
	fi
	TESTDIR=$(dirname "$file")
	# shellcheck disable=SC1090 # the test says which
	. "$file"
	TESTDIR=$before
}

# the host gives the test this many seconds from now
set_watchdog() {
	ktest_timeout=$((ktest_timeout_multiplier * $1))
	echo "WATCHDOG $ktest_timeout"
}

log_verbose() { ! $ktest_verbose || echo "$@"; }
run_quiet() {
	local what=$1 said
	shift
	echo -n "${what:+$what... }"
	if ! said=$(set -e; "$@" 2>&1); then
		printf '\n%s\n' "$said"
		exit 1
	fi
	echo "${what:+done}"
}
checkdep() {
	command -v "$1" > /dev/null && return
	echo "$1 is not in this guest: bring it along by REQUIRE" >&2
	exit 1
}
get_tmpdir() { [[ -n ${ktest_tmp:-} ]] || ktest_tmp=$(mktemp --directory); }
join_by() {
	local IFS=$1
	shift
	echo "$*"
}

list_tests() { declare -F | sed -n 's/^declare -f test_//p'; }

run_test() {
	if ! declare -F "test_$1" > /dev/null; then
		echo "test $1 does not exist"
		exit 1
	fi
	"test_$1"
}

# what a failed test has left must not fail the next
unmount_tests() {
	local point points=()
	while read -r _ point _; do [[ $point != /mnt/* ]] || points=("$point" "${points[@]}"); done < /proc/mounts
	for point in "${points[@]}"; do umount --lazy "$point"; done
}

# each test in a shell of its own that ends at its first failure
run_tests() {
	local name began status passed=() failed=()
	for name in "$@"; do
		printf '========= TEST   %s\n\n' "$name"
		began=$SECONDS
		(set -e; run_test "$name")
		status=$?
		jobs -rp | xargs -r kill 2> /dev/null
		echo
		if ((status == 0)); then
			echo "========= PASSED $name in $((SECONDS - began))s"
			passed+=("$name")
			continue
		fi
		echo "========= FAILED $name in $((SECONDS - began))s"
		failed+=("$name")
		if $ktest_failfast; then break; fi
		unmount_tests
	done
	printf '\nPassed: %s\nFailed: %s\n' "${passed[*]}" "${failed[*]}"
	return ${#failed[@]}
}

run_init_hooks() {
	local hook
	for hook in $(declare -F | sed -n 's/^declare -f init_/init_/p'); do
		echo "hook $hook"
		$hook
	done
}

ktest_main() {
	local what=${1:-}
	[[ -n $what ]] || exit 0
	shift
	case $what in
	deps)
		local name
		for name in arch cpus mem storage_bus allow_taint vms; do
			name=ktest_$name
			echo "$name=${!name}"
		done
		echo "ktest_timeout=$((ktest_timeout * ktest_timeout_multiplier))"
		for name in kernel_append kernel_make_append images scratch_dev_sizes make_install kernel_config_require \
			kernel_config_require_soft qemu_append pmem_devs containers require; do
			local -n list=ktest_$name
			echo "ktest_$name=(${list[*]})"
		done
		;;
	init) run_init_hooks ;;
	list-tests) list_tests ;;
	run-tests) run_tests "$@" ;;
	*)
		echo "usage: $0 deps|list-tests|run-tests TEST..." >&2
		exit 1
		;;
	esac
}
main() { ktest_main "$@"; }

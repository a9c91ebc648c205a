#!/bin/sh
# Made by dpbench for one run. Fetched and started as root by the guest's service; any other service that does so will do.
url=${DPBENCH_URL:-@URL@}
script=@SCRIPT@
tests=@TESTS@
run_tests=@RUN_TESTS@
fail_fast=@FAIL_FAST@
isolated=@ISOLATED@
work=${DPBENCH_WORK:-/dpbench}
results=$work/results
m5=

mkdir -p "$results" || exit 1
grep -qs 'M5 Simulator' /proc/cpuinfo && m5=$(command -v m5 || echo /sbin/m5)

fetch() { # $1: path on the server, $2: file
	if command -v curl > /dev/null 2>&1; then
		curl -fsS --connect-timeout 10 -o "$2" "$url/$1"
	else
		wget -q -T 60 -O "$2" "$url/$1"
	fi
}

deliver() { # $1: file, $2: path on the server
	if [ -n "$m5" ]; then
		"$m5" writefile "$1" "${2##*/}"
	elif command -v curl > /dev/null 2>&1; then
		curl -fsS --connect-timeout 10 -T "$1" "$url/$2" > /dev/null
	else
		wget -q -T 60 -O /dev/null --post-file="$1" "$url/$2"
	fi
}

files() {
	cat <<'DPBENCH_FILES'
@FILES@
DPBENCH_FILES
}

gather_files() {
	if [ -n "$m5" ]; then
		sed '1,/^# DPBENCH_ARCHIVE$/d' "$0" | sed 's/^# //' | base64 -d | gzip -dc | tar -x -C "$work/files"
		return
	fi
	files | while read -r mode encoded path; do
		case $path in */*) mkdir -p "$work/files/${path%/*}" ;; esac
		fetch "$encoded" "$work/files/$path" && chmod "$mode" "$work/files/$path" || {
			echo "dpbench: $url/$encoded cannot be fetched"
			exit 1
		}
	done
}

# the disks in the order of SCRATCH: those that the launcher has marked, else all but the one with the root
scratch_disks() {
	marked='' others=''
	root=$(sed -n 's|^/dev/\([a-z]*\)[0-9]* / .*|\1|p' /proc/mounts | head -n 1)
	for disk in /sys/block/[vs]d*; do
		[ -e "$disk" ] || continue
		name=${disk##*/}
		case $(cat "$disk/serial" 2> /dev/null) in scratch*) marked="$marked /dev/$name" ;; esac
		[ "$name" = "$root" ] || others="$others /dev/$name"
	done
	echo ${marked:-$others}
}

links() { # $1: up or down
	for link in /sys/class/net/*; do
		[ "${link##*/}" = lo ] || ip link set "${link##*/}" "$1"
	done
}

run_one() { # $1: a subtest
	echo "========= TEST   $1"
	begun=$(date +%s)
	# shellcheck disable=SC2086 # no word where the subtest's name is the only argument
	"./$name" $run_tests "$1"
	status=$?
	took=$(($(date +%s) - begun))
	if [ $status -eq 0 ]; then echo "========= PASSED $1 in ${took}s"; else echo "========= FAILED $1 in ${took}s"; fi
	return $status
}

run_all() {
	cd "$work/files/$folder" || return 1
	if [ -z "$tests" ]; then
		"./$name"
		return
	fi
	failed=0
	for each in $tests; do
		run_one "$each" || failed=1
		[ $failed -eq 1 ] && $fail_fast && break
	done
	if [ $failed -eq 0 ]; then echo 'TEST SUCCESS'; else echo 'TEST FAILED'; fi
	return $failed
}

name=${script##*/}
folder=.
case $script in */*) folder=${script%/*} ;; esac
mkdir -p "$work/files" "$work/bin"
gather_files || exit 1
cat > "$work/bin/dpbench-upload" <<DPBENCH_UPLOAD
#!/bin/sh
# Sends files to the run's results: dpbench-upload FILE...
for file; do cp -r "\$file" "$results/" || exit 1; done
DPBENCH_UPLOAD
chmod 755 "$work/bin/dpbench-upload"

export PATH="$work/files/$folder:$work/bin:${PATH:-/usr/sbin:/usr/bin:/sbin:/bin}"
export HOME="${HOME:-/root}" DPBENCH_URL="$url" DPBENCH_RESULTS="$results"
DPBENCH_SCRATCH=$(scratch_disks)
export DPBENCH_SCRATCH
@ENVIRONMENT@

$isolated && links down
echo 'dpbench: the script begins'
{
	run_all
	echo $? > "$work/exit-status"
} 2>&1 < /dev/null | tee "$work/stdout.log"
echo "dpbench: the script has ended, exit status $(cat "$work/exit-status")"
$isolated && links up

(cd "$results" && find . -type f) | while read -r file; do
	deliver "$results/${file#./}" "upload/$(echo "${file#./}" | sed 's/%/%25/g; s/ /%20/g; s/#/%23/g; s/?/%3f/g')" ||
		echo "dpbench: ${file#./} could not be sent"
done
deliver "$work/stdout.log" dpbench/stdout.log
deliver "$work/exit-status" dpbench/exit-status
exit 0

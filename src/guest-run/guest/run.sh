#!/bin/sh
# Made by dpbench for one run. Fetched and started as root by the guest's service; any other service that does so will do.
url=${DPBENCH_URL:-@URL@}
script=@SCRIPT@
tests=@TESTS@
run_tests=@RUN_TESTS@
fail_fast=@FAIL_FAST@
isolated=@ISOLATED@
init=@INIT@
watch_taint=@WATCH_TAINT@
work=${DPBENCH_WORK:-/dpbench}
results=$work/results
m5=
has() { command -v "$1" > /dev/null 2>&1; }

in_gem5() {
	while read -r line; do
		case $line in
		*'M5 Simulator'*) return 0 ;;
		'') return 1 ;;
		esac
	done < /proc/cpuinfo
	return 1
}

deliver() { # $1: file, $2: path on the server, $3: query
	if [ -n "$m5" ]; then
		"$m5" writefile "$1" "${2##*/}"
	elif has curl; then
		curl -fsS --connect-timeout 10 -o /dev/null -T "$1" "$url/$2$3"
	else
		wget -q -T 60 -O /dev/null --post-file="$1" "$url/$2$3"
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
	elif has curl; then
		files | while read -r encoded path; do
			printf 'url = "%s"\noutput = "%s"\n' "$url/$encoded" "$work/files/$path"
		done | curl -fsS --connect-timeout 10 --fail-early --create-dirs -K -
	else
		files | while read -r encoded path; do
			case $path in */*) mkdir -p "$work/files/${path%/*}" ;; esac
			wget -q -T 60 -O "$work/files/$path" "$url/$encoded" || exit 1
		done
	fi || {
		echo "dpbench: the run's files cannot be fetched from $url"
		return 1
	}
	chmod -R 755 "$work/files"
}

# the disks in the order of SCRATCH: those that the launcher has marked, else all but the one with the root
scratch_disks() {
	marked='' others='' root=''
	while read -r device point _; do
		[ "$point" = / ] && case $device in /dev/*) root=${device%%[0-9]*} ;; esac
	done < /proc/mounts
	for disk in /sys/block/[vs]d*; do
		[ -e "$disk" ] || continue
		serial='' disk=${disk##*/}
		[ -e "/sys/block/$disk/serial" ] && read -r serial < "/sys/block/$disk/serial"
		case $serial in scratch*) marked="$marked /dev/$disk" ;; esac
		[ "/dev/$disk" = "$root" ] || others="$others /dev/$disk"
	done
	DPBENCH_SCRATCH=${marked:-$others}
	DPBENCH_SCRATCH=${DPBENCH_SCRATCH# }
}

# of the libraries that came with required programs, those that the guest does not have
use_libraries() {
	libraries=$work/files/$folder/.dpbench-lib
	[ -d "$libraries" ] || return
	for library in "$libraries"/*; do
		for place in /lib/x86_64-linux-gnu /usr/lib/x86_64-linux-gnu /lib64 /usr/lib64 /lib /usr/lib; do
			[ -e "$place/${library##*/}" ] && rm "$library" && break
		done
	done
	export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
}

links() { # $1: up or down
	for link in /sys/class/net/*; do
		[ "${link##*/}" = lo ] || ip link set "${link##*/}" "$1"
	done
}

now() { read -r now _ < /proc/uptime && now=${now%%.*}; }

run_one() { # $1: a subtest
	echo "========= TEST   $1"
	now
	begun=$now
	# shellcheck disable=SC2086 # no word where the subtest's name is the only argument
	"./$name" $run_tests "$1"
	status=$?
	now
	took=$((now - begun))
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
	tainted
	before=$taint
	$init && "./$name" init
	for each in $tests; do
		run_one "$each" || failed=1
		[ $failed -eq 1 ] && $fail_fast && break
	done
	tainted
	if $watch_taint && [ "$taint" -ne "$before" ]; then
		echo "dpbench: the kernel is tainted: it warned of something, see the console"
		failed=1
	fi
	if [ $failed -eq 0 ]; then echo 'TEST SUCCESS'; else echo 'TEST FAILED'; fi
	return $failed
}

# by a fault of hardware (M), a bad page (B), an oops (D) or a warning (W), but not by a CPU that stood still (L)
tainted() { read -r taint < /proc/sys/kernel/tainted && taint=$((taint & 0x2b0)); }

# what the script left running would keep its output open, and so the run from ending
end_leftovers() {
	read -r self _ < /proc/self/stat
	for process in /proc/[0-9]*; do
		[ "$process" = "/proc/$self" ] && continue
		for stream in 1 2; do
			[ "$process/fd/$stream" -ef /proc/self/fd/1 ] || continue
			kill -KILL "${process#/proc/}" 2> /dev/null
			break
		done
	done
}

name=${script##*/}
folder=.
case $script in */*) folder=${script%/*} ;; esac
mkdir -p "$results" "$work/files/$folder" "$work/bin" || exit 1
in_gem5 && m5=$(command -v m5 || echo /sbin/m5)
gather_files || exit 1
cat > "$work/bin/dpbench-upload" <<DPBENCH_UPLOAD
#!/bin/sh
# Adds files to the results of the run: dpbench-upload FILE...
# A file goes at once, so that it is there whatever becomes of the guest; what cannot go now goes when the script has ended.
for file; do
	case \${file##*/} in
	*[!A-Za-z0-9._+,=@-]*) ;;
	*)
		[ -f "\$file" ] && curl -fs --connect-timeout 5 -o /dev/null -T "\$file" "$url/upload/\${file##*/}" 2> /dev/null && continue
		;;
	esac
	cp -r -- "\$file" "$results/" || exit 1
done
DPBENCH_UPLOAD

# where no systemd runs that could do it in order, its programs need to be told so
if [ ! -d /run/systemd/system ]; then
	for each in poweroff:poweroff shutdown:poweroff halt:poweroff reboot:reboot; do
		program=$(command -v "${each#*:}") || continue
		printf '#!/bin/sh\nsync\nexec %s -f\n' "$program" > "$work/bin/${each%:*}"
	done
fi
chmod 755 "$work"/bin/*

export PATH="$work/files/$folder:$work/bin:${PATH:-/usr/sbin:/usr/bin:/sbin:/bin}"
export HOME="${HOME:-/root}" DPBENCH_URL="$url" DPBENCH_RESULTS="$results"
use_libraries
scratch_disks
@ENVIRONMENT@
export DPBENCH_SCRATCH

$isolated && links down
echo 'dpbench: the script begins'
{
	run_all
	echo $? > "$work/exit-status"
	end_leftovers
} 2>&1 < /dev/null | tee "$work/stdout.log"
status=
[ -s "$work/exit-status" ] && read -r status < "$work/exit-status"
echo "dpbench: the script has ended, exit status $status"
$isolated && links up

encode() { # $1: a path, into $encoded
	encoded=$1
	case $1 in *[!A-Za-z0-9._/+,=@-]*)
		encoded=$(printf %s "$1" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g; s/%2f/\//g')
		;;
	esac
}

for file in "$results"/* "$results"/.[!.]*; do
	[ -e "$file" ] || continue
	(cd "$results" && find . -type f) | while read -r file; do
		file=${file#./}
		encode "$file"
		deliver "$results/$file" "upload/$encoded" || echo "dpbench: $file could not be sent"
	done
	break
done
deliver "$work/stdout.log" dpbench/stdout.log "?exit-status=$status"
exit 0

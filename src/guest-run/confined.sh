#!/bin/sh
# Runs its arguments without effect on this machine: started in namespaces of its own (no network, no other processes), it
# makes every mount read-only, hides devices and the sockets of services, and drops all privileges. What the arguments
# print is bounded by the size of the file system that it is kept in. The first line of the output says that all this was
# done; without it nothing was run.
mount --make-rprivate / || exit 1
points() { # names with spaces are written in octal
	while read -r _ _ _ _ point _; do printf '%b\n' "$(echo "$point" | sed 's/\\\([0-7]\{3\}\)/\\0\1/g')"; done < /proc/self/mountinfo
}
# what lies below another mount is refused, and out of reach
points | while read -r point; do mount -o remount,bind,ro "$point" 2> /dev/null; done
points | while read -r point; do
	[ -w "$point" ] || continue
	echo "$point cannot be made read-only" >&2
	exit 1
done || exit 1
mount -t tmpfs -o mode=0755,size=4m none /run || exit 1
mount -t tmpfs -o mode=0755,size=64k none /dev || exit 1
for device in 'null 3' 'zero 5' 'full 7' 'random 8' 'urandom 9'; do
	mknod -m 666 "/dev/${device% *}" c 1 "${device#* }" 2> /dev/null || : > "/dev/${device% *}"
done
ln -s /proc/self/fd /dev/fd
export TMPDIR=/run HOME=/run
cd /run || exit 1
echo 'dpbench: confined'
setpriv --bounding-set=-all,+dac_read_search --inh-caps=-all --no-new-privs "$@" \
	> /run/.stdout 2> /run/.stderr < /dev/null
status=$?
cat /run/.stdout
cat /run/.stderr >&2
exit $status

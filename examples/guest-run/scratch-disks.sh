#!/bin/sh
# A test of the kernel's file systems and disks: what is written to one disk is read from it after it was unmounted, and
# two disks of different sizes are what was asked for.
#
# MEM=384M
# SCRATCH=64M,128M
# TIMEOUT=60s

case $1 in
list-tests)
	echo sizes file-system read-only
	exit
	;;
esac

set -e
# shellcheck disable=SC2086 # one word per disk
set -- "$1" $DPBENCH_SCRATCH

case $1 in
sizes)
	echo "disks: $2 $3"
	[ "$(blockdev --getsize64 "$2")" = $((64 * 1024 * 1024)) ]
	[ "$(blockdev --getsize64 "$3")" = $((128 * 1024 * 1024)) ]
	;;
file-system)
	mke2fs -q -t ext4 "$2"
	mkdir -p /mnt/scratch
	mount "$2" /mnt/scratch
	head -c 1048576 /dev/urandom > /mnt/scratch/data
	sum=$(sha256sum < /mnt/scratch/data)
	umount /mnt/scratch
	mount -o ro "$2" /mnt/scratch
	[ "$(sha256sum < /mnt/scratch/data)" = "$sum" ]
	umount /mnt/scratch
	dumpe2fs -h "$2" > "$DPBENCH_RESULTS/dumpe2fs.txt" 2> /dev/null
	;;
read-only)
	blockdev --setro "$3"
	! dd if=/dev/zero of="$3" bs=512 count=1 conv=fsync 2> /dev/null
	blockdev --setrw "$3"
	;;
esac

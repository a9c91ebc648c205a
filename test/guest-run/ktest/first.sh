#!/bin/bash
# In the first form of ktest's tests: deps prints what is needed, and what it needs lies beside it afterwards.

if [ "$1" = deps ]; then
	echo "MEM=512M"
	echo "SCRATCH=64M,128M"
	echo "REQUIRE=first-helper bc"
	exit
fi

first-helper || exit 1
[ $(echo '6 * 7' | bc) = 42 ] || exit 1

mkfs.ext4 -q /dev/vda || exit 1
mount /dev/vda /mnt || exit 1
dd if=/dev/zero of=/mnt/file bs=1M count=8 2> /dev/null || exit 1
umount /mnt || exit 1
[ $(blockdev --getsize64 /dev/vdb) = 134217728 ] || exit 1

echo "TEST SUCCESS"

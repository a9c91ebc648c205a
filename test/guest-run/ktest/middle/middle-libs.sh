# A library of tests in ktest's middle form: sourced, as they are.
require-lib ../test-libs.sh

require-kernel-config BLK_DEV_LOOP,EXT4_FS

VIRTIO_BLKDEVS=0
CACHE=""

config-cache()
{
    for size in $(echo $1 | tr ',' ' '); do
	config-scratch-devs $size
	letter="$(printf "\x$(printf "%x" $((98 + $VIRTIO_BLKDEVS)))")"
	VIRTIO_BLKDEVS=$(($VIRTIO_BLKDEVS + 1))
	CACHE+=" /dev/sd$letter"
	if [ "$TEST_RUNNING" != "" ]; then
	    echo 0 > "/sys/block/$(basename $(readlink -f /dev/sd$letter))/queue/rotational"
	fi
    done
}

if [[ $KERNEL_ARCH = x86 ]]; then
    require-kernel-config CRYPTO_CRC32C_INTEL
fi

test_is_no_test()
{
    false
}

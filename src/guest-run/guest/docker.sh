#!/bin/sh
# Docker's command for scripts that are written for it, by the guest's podman, where the guest has no Docker: containers are on
# the guest's network, so published ports must be the container's own. An image comes from an archive beside the script
# (REQUIRE, written by docker save), or from a registry.
own=$(dirname "$0")
for engine in /usr/bin/docker /usr/local/bin/docker; do
	[ -x "$engine" ] && exec "$engine" "$@"
done

export CONTAINERS_CONF=/run/dpbench-containers.conf CONTAINERS_REGISTRIES_CONF=/run/dpbench-registries.conf
if [ ! -e "$CONTAINERS_CONF" ]; then
	echo 'unqualified-search-registries = ["docker.io"]' > "$CONTAINERS_REGISTRIES_CONF"
	cat > "$CONTAINERS_CONF" <<'CONF'
[containers]
netns = "host"
cgroups = "disabled"
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
CONF
fi

if [ "$1" = pull ]; then
	for image; do :; done # the last word
	if ! podman image exists "$image"; then
		for archive in "$own"/*.tar "$own"/*.tar.gz; do
			[ -e "$archive" ] && podman load --quiet --input "$archive"
		done
	fi
	podman image exists "$image" && exit 0
fi
exec podman "$@"

/**
 * A container function as a guest run: an image's archive is loaded into the guest's engine, started, asked by a client,
 * stopped, and its log is looked at. The script is an ordinary one of a guest run, and can be kept and changed. Pure.
 */
import { quoteArgv } from '../../core/shell-quote.ts'

export interface ContainerFunction {
  /** The file name of the image's archive (`docker save`, `podman save`), which lies beside the script. */
  readonly archive: string
  /** Given to the image's entry point. */
  readonly args: readonly string[]
  /** `NAME=value`. */
  readonly environment: readonly string[]
  /** The TCP port on which it listens when it is ready. */
  readonly port: number
  /** A shell command of the guest; without one, an HTTP request to `/` at the port. */
  readonly probe?: string | undefined
  /** An extended regular expression that the probe's output has to match. */
  readonly expect?: string | undefined
  /** Those that a line of its log has to match, and none may. */
  readonly logHas?: string | undefined
  readonly logLacks?: string | undefined
  /** Seconds from its start until it listens. */
  readonly readySeconds: number
}

/** The script, with what it needs declared at its head. */
export function containerScript(container: ContainerFunction): string {
  const { port, expect, logHas, logLacks, readySeconds } = container
  const word = (text: string): string => quoteArgv([text])
  const environment = container.environment.flatMap((each) => ['--env', each])
  const probe = container.probe ?? `curl -fsS --max-time 30 http://127.0.0.1:${port}/`
  return `#!/bin/bash
# A container function, made by dpbench guest container.
# MEM=1G
# SCRATCH=8G
# TIMEOUT=300
# REQUIRE=${container.archive}
archive=${word(container.archive)}
port=${port}

# podman as it runs where no systemd does; the image of somebody's own may have Docker
if command -v podman >/dev/null; then
    engine() { podman --cgroup-manager=cgroupfs --events-backend=file --runtime=crun "$@"; }
    options=(--cgroups disabled --log-driver k8s-file)
    storage=/var/lib/containers
else
    engine() { docker "$@"; }
    options=()
    storage=
fi
step() { read -r now _ </proc/uptime; echo "container: $* ($now s after boot)"; }
fail() {
    echo "container: $*"
    engine logs function 2>&1 | tail -n 40
    echo TEST FAILED
    exit 1
}
state() { engine inspect --format '{{.State.Status}}, exit status {{.State.ExitCode}}' function; }

disk=\${DPBENCH_SCRATCH%% *}
if [ -n "$storage" ] && [ -n "$disk" ]; then
    mkfs.ext4 -q -E nodiscard "$disk" && mkdir -p "$storage" && mount "$disk" "$storage" ||
        fail 'there is no disk for containers'
fi
loaded=$(engine load --quiet --input "$archive" 2>&1) || fail "the engine does not load $archive: $loaded"
image=$(sed -n 's/^Loaded image[^:]*: *//p' <<<"$loaded" | head -n 1)
[ -n "$image" ] || fail "the engine names no image of $archive: $loaded"
step "loaded $image"

engine run --detach --name function --network host "\${options[@]}" ${quoteArgv(environment)} \\
    "$image" ${quoteArgv(container.args)} >/dev/null || fail 'it does not start'
deadline=$((SECONDS + ${readySeconds}))
until (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    [[ $(state) == running* ]] || fail "it ended before it listened on port $port: $(state)"
    [ "$SECONDS" -lt "$deadline" ] || fail "it does not listen on port $port after ${readySeconds} s"
    sleep 0.2
done
step "listens on port $port"

answer=$(bash -c ${word(probe)} 2>&1) || fail "the probe failed: $answer"
printf '%s\\n' "$answer" >"$DPBENCH_RESULTS/probe.txt"
${expect === undefined ? '' : `grep -qE -- ${word(expect)} <<<"$answer" || fail "the probe's answer does not match "${word(expect)}": $answer"\n`}step 'the probe was answered'

[[ $(state) == running* ]] || fail "it ended while it was asked: $(state)"
engine stop --time 10 function >/dev/null || fail 'it does not stop'
step "stopped: $(state)"
engine logs function >"$DPBENCH_RESULTS/container.log" 2>&1
${logHas === undefined ? '' : `grep -qE -- ${word(logHas)} "$DPBENCH_RESULTS/container.log" || fail "no line of its log matches "${word(logHas)}\n`}${logLacks === undefined ? '' : `! grep -E -- ${word(logLacks)} "$DPBENCH_RESULTS/container.log" || fail "a line of its log matches "${word(logLacks)}\n`}engine rm function >/dev/null
echo TEST SUCCESS
`
}

/** DPDK's telemetry socket with given replies: a Perl program, for Node has no sockets of its type. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'

const program = `use Socket;
my ($path, %replies) = @ARGV;
socket(my $listener, AF_UNIX, SOCK_SEQPACKET, 0) or die $!;
bind($listener, pack_sockaddr_un($path)) or die $!;
listen($listener, 5) or die $!;
$| = 1;
print "ready\\n";
while (accept(my $client, $listener)) {
  send($client, '{"version":"DPDK 23.11.0","pid":7,"max_output_len":16384}', 0);
  my $request;
  while (defined recv($client, $request, 4096, 0) and length $request) {
    my ($name) = split /,/, $request;
    send($client, $replies{$request} // "{\\"$name\\":null}", 0);
  }
  close $client;
}`

/** Serves at `path` until the test is over. `replies` by request. */
export async function serveTelemetry(
  path: string,
  replies: Readonly<Record<string, unknown>>,
): Promise<void> {
  const given = Object.entries(replies).flatMap(([request, reply]) => [request, JSON.stringify(reply)])
  const child = spawn('perl', ['-e', program, path, ...given], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  await once(child.stdout, 'data')
}

/**
 * Asks DPDK's telemetry socket (version 2: SOCK_SEQPACKET, a greeting, then one packet per request and one per reply). What a
 * machine has that can speak so differs: Gardenlinux has Python, Debian at least Perl, a lean container perhaps socat.
 */
import { shell } from '../../core/shell-quote.ts'
import { parseJson } from '../../core/json.ts'
import { DeployError } from '../../core/errors.ts'

/** The exit status of the script where none of the programs is there: not one that they use. */
export const noSpeaker = 90
/** The exit status of the script where there is no socket. */
export const noSocket = 91
export const speakers = 'python3, perl or socat'

/** No reply of DPDK comes near to this many bytes. */
const replyBytes = 1_048_576
const answerSeconds = 10

/** Of the Python program where Python has no sockets, as a minimal one. */
const noModule = 92

const python = `import sys
try:
    import socket
except ImportError:
    sys.exit(${noModule})
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(${answerSeconds})
s.connect(sys.argv[1])
print(s.recv(${replyBytes}).decode())
for request in sys.argv[2:]:
    s.send(request.encode())
    print(s.recv(${replyBytes}).decode())`

const perl = `use Socket;
my ($path, @requests) = @ARGV;
$SIG{ALRM} = sub { die "no answer\\n" };
alarm ${answerSeconds};
socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die "$!\\n";
connect($s, pack_sockaddr_un($path)) or die "$path: $!\\n";
sub answer { defined recv($s, my $reply, ${replyBytes}, 0) or die "$!\\n"; print "$reply\\n" }
answer();
for (@requests) { defined send($s, $_, 0) or die "$!\\n"; answer() }`

/** socat cannot wait for a reply before it sends the next request, so each gets a connection of its own. */
const script = `socket=$1; python=$2; perl=$3; shift 3
[ -S "$socket" ] || exit ${noSocket}
if command -v python3 >/dev/null 2>&1; then
  python3 -c "$python" "$socket" "$@"
  status=$?
  [ "$status" = ${noModule} ] || exit "$status"
fi
if command -v perl >/dev/null 2>&1 && perl -MSocket -e 1 2>/dev/null; then
  exec perl -e "$perl" "$socket" "$@"
elif command -v socat >/dev/null 2>&1; then
  for request in "$@"; do
    printf %s "$request" | socat -t ${answerSeconds} -b ${replyBytes} - "UNIX-CONNECT:$socket,socktype=5" || exit
  done
else
  exit ${noSpeaker}
fi`

/** The command that sends `requests` to the socket and prints what comes back: greetings and replies, in their order. */
export function telemetryCommand(socket: string, requests: readonly string[]): string[] {
  return shell(script, socket, python, perl, ...requests)
}

/** The JSON objects in a text that has nothing between them but white space. @throws DeployError for anything else */
export function parseReplies(text: string): Record<string, unknown>[] {
  const objects: Record<string, unknown>[] = []
  let start = 0
  while (start < text.length) {
    const end = endOfObject(text, start)
    const part = text.slice(start, end).trim()
    if (part !== '') objects.push(objectOf(part))
    start = end
  }
  return objects
}

function objectOf(text: string): Record<string, unknown> {
  try {
    const value = parseJson(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // said below
  }
  throw new DeployError(`its telemetry answered what is no JSON object: ${text.slice(0, 120)}`)
}

/** The index after the object's closing brace. */
function endOfObject(text: string, start: number): number {
  let depth = 0
  let quoted = false
  for (let index = start; index < text.length; index++) {
    const character = text[index]
    if (quoted && character === '\\') index++
    else if (character === '"') quoted = !quoted
    else if (!quoted && character === '{') depth++
    else if (!quoted && character === '}' && --depth === 0) return index + 1
  }
  return text.length
}

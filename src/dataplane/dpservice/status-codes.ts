/** dpservice's gRPC status codes, as its documentation and source name them (DPSERVICE.md of the design). */
export const dpserviceStatus: Readonly<Record<number, string>> = {
  101: 'bad request',
  201: 'not found',
  202: 'already exists',
  203: 'wrong type',
  204: 'bad IP version',
  205: 'no such VM',
  206: 'no such VNI',
  207: 'iterator failure',
  208: 'out of memory',
  209: 'limit reached',
  210: 'already active',
  211: 'not active',
  301: 'route exists',
  302: 'route not found',
  303: 'route cannot be inserted',
  304: 'route has a bad port',
  305: 'route cannot be reset',
  321: 'no DNAT data',
  322: 'DNAT cannot be created',
  323: 'DNAT exists',
  341: 'no SNAT data',
  342: 'SNAT cannot be created',
  343: 'SNAT exists',
  361: 'VNI cannot be initialised (IPv4)',
  362: 'VNI cannot be initialised (IPv6)',
  363: 'VNI cannot be freed (IPv4)',
  364: 'VNI cannot be freed (IPv6)',
  381: 'port cannot be started',
  382: 'port cannot be stopped',
  383: 'port does not exist',
  401: 'VNF cannot be inserted',
  402: 'VM cannot be handled',
  403: 'no such VNF',
  421: 'no backend IP',
  422: 'no such load balancer',
  423: 'backend cannot be added',
  424: 'backend cannot be deleted',
}

/** What dpservice answers for an object that is not there (any more), or whose VM, VNI or load balancer is not. */
export const goneStatus: ReadonlySet<number> = new Set([201, 205, 206, 302, 321, 341, 421, 422])

/** gRPC's own. */
export const abortedStatus = 10

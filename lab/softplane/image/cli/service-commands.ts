/** Commands about the service itself: init, version, VNIs. */
import { required, type Command } from './command.ts'
import type { View } from './document.ts'

const bothTypes = 2

const initView: View = {
  name: () => 'initialized',
  headers: ['UUID'],
  row: ({ spec }) => [String(spec.uuid)],
}

const versionView: View = {
  name: ({ metadata }) => `${String(metadata.client_name)}-${String(metadata.client_protocol)}`,
  headers: ['ServiceProto', 'ServiceVersion', 'ClientName', 'ClientProto', 'ClientVersion'],
  row: ({ metadata: { client_name, client_protocol, client_version }, spec }) =>
    [spec.service_protocol, spec.service_version, client_name, client_protocol, client_version].map(String),
}

const vniView: View = {
  name: ({ metadata }) => String(metadata.vni),
  headers: ['VNI', 'VniType', 'inUse'],
  row: ({ metadata, spec }) => [Number(metadata.vni), Number(metadata.vni_type), Boolean(spec.in_use)],
}

const initialized: Pick<Command, 'flags' | 'params' | 'document' | 'view'> = {
  flags: {},
  params: () => ({}),
  document: (status, { uuid = '' }) => ({ kind: 'Initialized', metadata: {}, spec: { uuid }, status }),
  view: initView,
}

function vniCommand(verb: 'get' | 'reset', method: string, defaultType: number): Command {
  return {
    verb,
    nouns: ['vni'],
    flags: { vni: required('uint32'), 'vni-type': { type: 'vni-type', default: defaultType } },
    method,
    params: (flags) => ({ vni: flags.vni, type: flags['vni-type'] }),
    document: (status, { inUse = false }, flags) => ({
      kind: 'Vni',
      metadata: { vni: flags.vni, vni_type: flags['vni-type'] },
      spec: { in_use: inUse },
      status,
    }),
    operation: () => (verb === 'reset' ? 'reset' : ''),
    view: vniView,
  }
}

export function serviceCommands(clientVersion: string): readonly Command[] {
  return [
    { verb: 'init', nouns: [], method: 'Initialize', ...initialized },
    { verb: 'get', nouns: ['init'], method: 'CheckInitialized', ...initialized },
    {
      verb: 'get',
      nouns: ['version'],
      flags: {},
      method: 'GetVersion',
      params: () => ({}),
      document: (status, result) => ({
        kind: 'Version',
        metadata: {
          client_protocol: clientVersion,
          client_name: 'dpservice-cli',
          client_version: clientVersion,
        },
        spec: { service_protocol: result.serviceProtocol, service_version: result.serviceVersion },
        status,
      }),
      view: versionView,
    },
    vniCommand('get', 'CheckVniInUse', 0),
    vniCommand('reset', 'ResetVni', bothTypes),
  ]
}

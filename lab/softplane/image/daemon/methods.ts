/**
 * The service's calls by name. A call takes the parameters that the client sends, and returns what the client shows.
 * A further one is a row here and a row in `cli/commands.ts`.
 */
import type { InterfaceRequest, RouteRequest } from '../shared/protocol.ts'
import { functionMethods } from '../functions/methods.ts'
import { ServiceError } from '../shared/status.ts'
import type { Dataplane } from './dataplane.ts'

type Result = Readonly<Record<string, unknown>>
type Params = Readonly<Record<string, unknown>>

export interface Method {
  /** dpservice refuses most calls until `Initialize`. */
  readonly needsInitialization: boolean
  readonly call: (dataplane: Dataplane, params: Params) => Result | Promise<Result>
}

const vniTypeBoth = 2

export function createMethods(version: string): Readonly<Record<string, Method>> {
  const always = (call: Method['call']): Method => ({ needsInitialization: false, call })
  const initialized = (call: Method['call']): Method => ({ needsInitialization: true, call })
  return {
    GetVersion: always(() => ({ serviceProtocol: version, serviceVersion: version })),
    Initialize: always((dataplane) => ({ uuid: dataplane.initialize() })),
    CheckInitialized: initialized((dataplane) => ({ uuid: dataplane.uuid })),
    CreateInterface: initialized(async (dataplane, params) => ({
      interface: await dataplane.createInterface(params as unknown as InterfaceRequest),
    })),
    DeleteInterface: initialized(async (dataplane, params) => {
      await dataplane.deleteInterface(String(params.id))
      return {}
    }),
    GetInterface: initialized((dataplane, params) => ({
      interface: dataplane.getInterface(String(params.id)),
    })),
    ListInterfaces: initialized((dataplane) => ({ interfaces: dataplane.listInterfaces() })),
    CreateRoute: initialized(async (dataplane, params) => {
      await dataplane.createRoute(params as unknown as RouteRequest)
      return {}
    }),
    DeleteRoute: initialized(async (dataplane, params) => {
      await dataplane.deleteRoute(Number(params.vni), String(params.prefix))
      return {}
    }),
    ListRoutes: initialized((dataplane, params) => ({ routes: dataplane.listRoutes(Number(params.vni)) })),
    CheckVniInUse: initialized((dataplane, params) => ({ inUse: dataplane.vniInUse(Number(params.vni)) })),
    ResetVni: initialized(async (dataplane, params) => {
      if (params.type !== vniTypeBoth) throw new ServiceError('WRONG_TYPE')
      await dataplane.resetVni(Number(params.vni))
      return {}
    }),
    ...Object.fromEntries(Object.entries(functionMethods).map(([name, call]) => [name, initialized(call)])),
  }
}

/**
 * dpservice's status codes by their names, which are also the messages that it answers with.
 * Source: `go/dpservice-go/errors/errors.go` and `dp_grpc_strerror()` of ironcore-dev/dpservice.
 */
export const statusCodes = {
  Success: 0,
  BAD_REQUEST: 101,
  NOT_FOUND: 201,
  ALREADY_EXISTS: 202,
  WRONG_TYPE: 203,
  BAD_IPVER: 204,
  NO_VM: 205,
  NO_VNI: 206,
  LIMIT_REACHED: 209,
  ALREADY_ACTIVE: 210,
  NOT_ACTIVE: 211,
  ROUTE_EXISTS: 301,
  ROUTE_NOT_FOUND: 302,
  ROUTE_INSERT: 303,
  DNAT_NO_DATA: 321,
  DNAT_CREATE: 322,
  DNAT_EXISTS: 323,
  SNAT_NO_DATA: 341,
  SNAT_CREATE: 342,
  SNAT_EXISTS: 343,
  VNI_INIT4: 361,
  VNI_INIT6: 362,
  VNI_FREE4: 363,
  VNI_FREE6: 364,
  PORT_START: 381,
  PORT_STOP: 382,
  PORT_METER: 383,
  VNF_INSERT: 401,
  VM_HANDLE: 402,
  VNF_DELETE: 403,
  NO_BACKIP: 421,
  NO_LB: 422,
  LB_BACKEND_ADD: 423,
  LB_BACKEND_DELETE: 424,
} as const

export type StatusName = keyof typeof statusCodes

/** The outcome of a request as the server states it. */
export interface Status {
  readonly code: number
  readonly message: string
}

export const success: Status = { code: 0, message: 'Success' }

/** A request that the server understood and refused. */
export class ServiceError extends Error {
  readonly status: Status

  constructor(name: StatusName) {
    super(name)
    this.name = 'ServiceError'
    this.status = { code: statusCodes[name], message: name }
  }
}

/** gRPC's own codes, for failures beneath the service: the service is not initialised, a request makes no sense. */
export const grpcCodes = {
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
} as const

/** A request that failed beneath the service. */
export class RpcError extends Error {
  readonly status: Status

  constructor(name: keyof typeof grpcCodes, message: string) {
    super(message)
    this.name = 'RpcError'
    this.status = { code: grpcCodes[name], message }
  }
}

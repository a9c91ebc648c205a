/**
 * What modules are for a plan: suites get an API that keeps their tests, and gRPC, which dockerode loads for sessions of BuildKit that
 * nobody opens here, is left out. Imported before whatever imports those.
 */
import { registerHooks } from 'node:module'
import { extname } from 'node:path'

const api = import.meta.resolve(`./suite-api${extname(import.meta.filename)}`) // .js when built

const instead: Readonly<Record<string, string>> = {
  dpbench: api,
  '@grpc/grpc-js': 'node:path',
  '@grpc/proto-loader': 'node:path',
}

/** Node before 22.15 has none; suites cannot be read there. */
export const hooked = typeof registerHooks === 'function'

let registered = false

export function hookModules(): void {
  if (!hooked || registered) return
  registered = true
  registerHooks({
    resolve(specifier, context, next) {
      const url = Object.hasOwn(instead, specifier) ? instead[specifier] : undefined
      return url === undefined ? next(specifier, context) : { url, shortCircuit: true }
    },
  })
}

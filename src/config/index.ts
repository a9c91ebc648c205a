/** Config files: what a site writes down about its servers, VMs, data plane and expectations. */
export * from './types.ts'
export {
  loadConfig,
  loadSource,
  findConfigFile,
  defaultConfigFile,
  type ConfigSource,
  type LoadConfigOptions,
} from './load.ts'
export {
  environmentFolder,
  mergeProvisioned,
  provisionedKey,
  readProvisioned,
  removeWorkingConfig,
  withAbsolutePaths,
  workingConfigFile,
  writeWorkingConfig,
  type ProvisionedVm,
  type ProvisionedVms,
} from './working-config.ts'
export {
  formatPciAddress,
  parsePciAddress,
  virtualFunctionAddress,
  type PciAddress,
  type RepresentorAddress,
} from './pci-address.ts'
export { canonicalAddress } from './fields.ts'
export { profiles } from './measurement.ts'
export type { ConfigFile } from './schema.ts'

/** What a run works in: the modes that were asked for of dpservice, or `plain` where the config has no data plane. */
import type { BenchConfig, RunMode } from '../config/index.ts'
import { UsageError } from '../core/errors.ts'
import { type RunSettings, type SettingName, modeMissing, optionName, settingVariables } from './settings.ts'

/** Of dpservice, and without meaning where none is deployed. */
const ofDpservice: readonly SettingName[] = ['stage', 'dockerImage', 'dpserviceSource']

/**
 * @param env where the settings were read from
 * @throws UsageError when a mode is missing, or something is asked of a data plane that there is none of
 */
export function modesOf(
  { modes }: Pick<RunSettings, 'modes'>,
  config: Pick<BenchConfig, 'dataplane' | 'sourceFile'>,
  env: NodeJS.ProcessEnv,
): readonly RunMode[] {
  if (config.dataplane === undefined) {
    if (modes.length === 0) throw new UsageError(modeMissing)
    return modes
  }
  const asked = [...(modes.length > 0 ? (['mode'] as const) : []), ...ofDpservice.filter(isAsked(env))]
  if (asked.length === 0) return ['plain']
  const faults = asked.map(
    (name) =>
      `${optionName(name)} (${settingVariables[name]}) is dpservice's, and ${config.sourceFile} has "dataplane": "none": leave it out`,
  )
  throw new UsageError(faults.join('\n'))
}

function isAsked(env: NodeJS.ProcessEnv): (name: SettingName) => boolean {
  return (name) => (env[settingVariables[name]] ?? '') !== ''
}

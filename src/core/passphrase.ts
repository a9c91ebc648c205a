/** The variable that tells the passphrase of `key_file`: known to dpbench's own processes, given to no other program. */

export const passphraseVariable = 'DPBENCH_KEY_PASSPHRASE'

/** What a program of somebody else's gets for its environment. */
export function programEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const { [passphraseVariable]: _, ...others } = env
  return others
}

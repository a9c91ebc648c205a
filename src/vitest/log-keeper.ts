/** Puts logs into the results folder, without the secrets that the config has. */
import type { BenchConfig } from '../config/index.ts'
import { diskFault } from '../core/disk-fault.ts'
import { describeError } from '../core/errors.ts'
import type { KeepLog } from '../core/kept-log.ts'
import { writeLog } from '../report/logs.ts'
import { secretsIn } from '../report/secrets.ts'

/** What the disk does not take is told to `tell`, and throws nothing: it is kept on the way to clean-up, which goes on. */
export function logKeeper(
  resultsFolder: string,
  config: BenchConfig,
  tell: (sentence: string) => void,
): KeepLog {
  const secrets = secretsIn(config)
  return async (log) => {
    try {
      await writeLog(resultsFolder, log, secrets)
    } catch (error) {
      const fault = diskFault(resultsFolder, error)
      if (!fault) throw error
      tell(`the ${log.kind} log of ${log.machine} is not kept: ${describeError(fault)}`)
    }
  }
}

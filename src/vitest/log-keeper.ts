/** Puts logs into the results folder, without the secrets that the config has. */
import type { BenchConfig } from '../config/index.ts'
import type { KeepLog } from '../core/kept-log.ts'
import { writeLog } from '../report/logs.ts'
import { secretsIn } from '../report/secrets.ts'

export function logKeeper(resultsFolder: string, config: BenchConfig): KeepLog {
  const secrets = secretsIn(config)
  return (log) => writeLog(resultsFolder, log, secrets)
}

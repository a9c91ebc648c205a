/** What reports call a suite. */
import { basename } from 'node:path'

/** The suite's name: its file's, without the endings. */
export function suiteName(file: string): string {
  return basename(file).replace(/\.(test|spec)\.[cm]?[jt]sx?$/, '')
}

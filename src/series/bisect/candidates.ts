/** What lies between good and bad, and which of it is to be tried next. */
import type { Judgement } from './judge-step.ts'

/** A commit or an image. */
export interface Candidate {
  /** Unique: the commit's hash, the image's name. */
  readonly id: string
  /** Unique, and a name of a folder. */
  readonly name: string
  /** For people. */
  readonly label: string
}

export type Found =
  /** The first bad one. */
  | { readonly state: 'found'; readonly first: Candidate }
  /** Those that could not be tested hide it: it is one of these. */
  | { readonly state: 'hidden'; readonly among: readonly Candidate[] }

export interface Candidates {
  readonly good: Candidate
  readonly bad: Candidate
  /** How many lie between the ends. */
  readonly count: number
  /** What to try next, or what was found. */
  next(): Promise<Candidate | Found>
  tell(candidate: Candidate, judgement: Judgement | 'skip'): Promise<void>
  /** What a run of it is started with. */
  argumentsFor(candidate: Candidate): Promise<readonly string[]>
  /** It is not run again. */
  done(candidate: Candidate): Promise<void>
  /** All that was told so far, one line each. */
  log(): Promise<readonly string[]>
}

/** About how many candidates a search through `count` tries. */
export function stepsFor(count: number): number {
  return Math.ceil(Math.log2(count + 1))
}

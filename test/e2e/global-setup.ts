/** Names the lab that the end-to-end tests share, and takes it down after the last of them. Tests that need none cost nothing. */
import type { TestProject } from 'vitest/node'
import { labDown, labStatus } from '../../lab/lab.ts'
import { testLabName } from '../lab/support.ts'

declare module 'vitest' {
  interface ProvidedContext {
    e2eLab: string
  }
}

export default function shareLab(project: TestProject): () => Promise<void> {
  const name = testLabName('e2e')
  project.provide('e2eLab', name)
  return async () => {
    if ((await labStatus(name)).length > 0) await labDown(name)
  }
}

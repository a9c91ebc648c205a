/** What is made of the outputs of many flows. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { flowInputs } from '../../src/traffic/iperf3/flow-inputs.ts'
import { alignFlows } from '../../src/traffic/iperf3/window.ts'
import type { Part } from '../part.ts'

const fixtures = join(import.meta.dirname, '../../test/traffic/fixtures/iperf3')

export const parts: readonly Part[] = [
  {
    kind: 'growth',
    name: 'growth-flows',
    what: "iperf3's outputs of both ends, read and cut to one window",
    axis: 'flows',
    unit: 'ms',
    sizes: [8, 32, 128, 512],
    rounds: 9,
    async prepare() {
      const [client, server] = await Promise.all(
        ['plain.client', 'plain.server'].map((name) => readFile(join(fixtures, `${name}.json`), 'utf8')),
      )
      const process = { launchedAtMs: Date.now(), stderr: '', exitCode: 0 }
      const work = (size: number): void => {
        const raw = Array.from({ length: size }, (_, index) => ({
          name: `flow ${index + 1}`,
          port: 5201 + index,
          client: { ...process, stdout: client! },
          server: { ...process, stdout: server! },
        }))
        const inputs = flowInputs(raw, { from: 'vm1', to: 'vm2' })
        const aligned = alignFlows(inputs, { warmUpSeconds: 1, keptSeconds: 1, warmDownSeconds: 0 })
        if (aligned.flows.length !== size)
          throw new Error(`${aligned.flows.length} of ${size} flows were read`)
      }
      work(this.sizes.at(-1)!) // compiled from here on
      return {
        cost(size) {
          const started = performance.now()
          work(size)
          return Promise.resolve(performance.now() - started)
        },
      }
    },
  },
]

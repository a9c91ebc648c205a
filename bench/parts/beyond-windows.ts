/** What a run takes beside the seconds that it measures: per scenario, and to set a mode up and take it down. */
import { median } from 'simple-statistics'
import { buildSoftplaneImage } from '../../lab/softplane/build.ts'
import { type Part, atMost } from '../part.ts'
import { makeProject } from '../project.ts'
import { type Spent, spentBeyondWindows } from '../timeline.ts'

const measurement = {
  profile: 'quick',
  kept_seconds: 2,
  warm_up_seconds: 1,
  warm_down_seconds: 1,
  gap_seconds: 1,
  max_cov: 1,
  repetitions: { min: 3, max: 3 },
}

export const parts: readonly Part[] = [
  {
    kind: 'row',
    name: 'beyond-windows',
    what: 'a scenario of the suites vm2vm and network-functions, beyond its measured windows',
    against: 'nothing: the windows alone would be 0 s',
    unit: 's',
    rounds: 4,
    reach: atMost(1.5, 's'),
    async prepare(stage) {
      const image = { build: buildSoftplaneImage }
      const lab = await stage.lab({ guests: 'namespace', hypervisors: 2, image })
      const project = await makeProject(stage, lab, { measurement })
      const runs: Spent[] = []
      return {
        async ours() {
          const mode = runs.length % 2 === 0 ? 'offload' : 'non-offload'
          const { seconds, record } = await project.run('--mode', mode, 'vm2vm', 'network-functions')
          const spent = spentBeyondWindows(record, seconds)
          runs.push(spent)
          for (const [name, took] of spent.phases) stage.log(`  ${took.toFixed(2)} s ${name}`)
          return spent.meanScenarioSeconds
        },
        checks: () => [
          {
            name: 'the scenario that takes most, in the median of the runs',
            value: median(runs.map(({ scenarioSeconds }) => Math.max(...scenarioSeconds))),
            unit: 's',
            limit: 1.5,
          },
          {
            name: 'a mode set up and taken down, from the command to its end',
            value: median(runs.map(({ modeSeconds }) => modeSeconds)),
            unit: 's',
            limit: 10,
          },
        ],
        notes: [
          `three repetitions of ${measurement.warm_up_seconds + measurement.kept_seconds + measurement.warm_down_seconds} s and the pauses of ${measurement.gap_seconds} s between them count as windows; ` +
            'everything else between the open environment and its closing is shared by the scenarios: routes, pre-flight, readings, evidence, what is stored',
          'set-up and tear-down are all else that the command takes: its start, connections, the look for leaks before and after, the image pulled by both hypervisors, the data plane, the leases of the guests, reports',
        ],
      }
    },
  },
]

import { expect, test } from 'vitest'
import { judge } from '../../src/verdict/decide.ts'
import { sharesOf } from '../../src/verdict/shares.ts'
import { flow, planFor, sampleOf } from './fixtures.ts'

const backends = ['vm3', 'vm2']
const sample = (repetition: number, ...to: readonly string[]): ReturnType<typeof sampleOf> =>
  sampleOf(to.length, {
    repetition,
    backends,
    flowsAsked: to.length,
    flows: to.map((machine, index) => flow(`flow ${index + 1}`, 1e9, { from: 'vm1', to: machine })),
  })

test('the share of each backend, over all repetitions', () => {
  expect(sharesOf([sample(1, 'vm3', 'vm2', 'vm3'), sample(2, 'vm3')])).toEqual([
    { backend: 'vm3', flows: 3, fraction: 0.75 },
    { backend: 'vm2', flows: 1, fraction: 0.25 },
  ])
})

test('a backend that got nothing has a share of nothing', () => {
  expect(sharesOf([sample(1, 'vm3')])).toEqual([
    { backend: 'vm3', flows: 1, fraction: 1 },
    { backend: 'vm2', flows: 0, fraction: 0 },
  ])
})

test('it is noted beside the verdict, and only where something chose', () => {
  const notes = (samples: Parameters<typeof judge>[0]): readonly string[] => judge(samples, planFor(1)).notes
  expect(notes([sample(1, 'vm3', 'vm2', 'vm3', 'vm3')])).toContain(
    'share of the backends: vm3 75.0 % of the data in 3 flows, vm2 25.0 % of the data in 1 flow',
  )
  expect(notes([sampleOf(1)]).join()).not.toContain('share')
})

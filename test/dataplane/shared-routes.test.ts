/** Paths that share a route: it is made with the first of them and gone with the last. */
import { expect, test } from 'vitest'
import { route } from '../../src/dataplane/dpservice/objects.ts'
import { SharedRoutes } from '../../src/dataplane/dpservice/shared-routes.ts'
import { twoHypervisors } from './recorded-dpservice.ts'

const spec = route({ prefix: '10.200.2.4/32', vni: 100, nextHop: 'fc00:a::3' })

test('one that two paths need is made once, and stays until both have given it up', async () => {
  const { h1, h2, journal } = twoHypervisors()
  const routes = new SharedRoutes(journal)
  const [first, second] = await Promise.all([
    routes.take({ place: h1.place(), spec }),
    routes.take({ place: h1.place(), spec }),
  ])
  const elsewhere = await routes.take({ place: h2.place(), spec })
  expect(h1.commands).toEqual([spec.create.join(' ')])
  await first()
  await first()
  expect([h1.objects.size, h2.objects.size]).toEqual([1, 1])
  await second()
  await elsewhere()
  expect([h1.objects.size, h2.objects.size, journal.pending]).toEqual([0, 0, []])
  await (
    await routes.take({ place: h1.place(), spec })
  )()
  expect([h1.objects.size, journal.pending]).toEqual([0, []])
})

test('one that was there stays; one that is refused can be tried again', async () => {
  const { h1, journal } = twoHypervisors()
  const routes = new SharedRoutes(journal)
  h1.run(['dpservice-cli', '-o', 'json', ...spec.create])
  await expect(routes.take({ place: h1.place(), spec })).rejects.toThrow(/202/)
  expect(journal.pending).toEqual([])
  routes.known(h1.name, spec)
  await (
    await routes.take({ place: h1.place(), spec })
  )()
  expect([h1.objects.size, journal.pending]).toEqual([1, []])
})

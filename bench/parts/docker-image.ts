/**
 * An image that was built on the controller to two hypervisors, as `--stage dev` ships it, against what a person types for each
 * hypervisor: `docker save`, `scp`, `docker load`.
 */
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildSoftplaneImage } from '../../lab/softplane/build.ts'
import { runLocally } from '../../src/core/local-command.ts'
import { together } from '../../src/core/together.ts'
import { type BuiltImage, buildImage } from '../../src/transport/docker/build.ts'
import { dockerOf } from '../../src/transport/docker/docker-over-ssh.ts'
import { Shipment } from '../../src/transport/docker/ship.ts'
import { connectHost } from '../../src/transport/ssh/connect.ts'
import { addressOf, sshConfig } from '../by-hand.ts'
import { type Part, type Prepared, seconds, timesFaster } from '../part.ts'
import type { Stage } from '../stage.ts'
import { mostSent } from '../wire.ts'

const reference = 'dpbench-self:dev'

export const parts: readonly Part[] = [
  {
    kind: 'row',
    name: 'docker-image',
    what: 'docker image to 2 hypervisors (`--stage dev`)',
    against: '`docker save`, `scp`, `docker load` one after the other',
    unit: 's',
    rounds: 5,
    reach: timesFaster(2),
    prepare,
  },
]

async function prepare(stage: Stage): Promise<Prepared> {
  const { signal } = stage
  const lab = await stage.lab({ guests: 'qemu', hypervisors: 2, image: softplane })
  const dockerHost = `unix://${lab.controller.dockerSocket}`
  const scratch = await stage.folder()
  const built = await buildOn(join(scratch, 'source'), lab.image!, dockerHost, stage)
  const config = await sshConfig(stage, lab)
  const hosts = await together(
    lab.hypervisors.map(async (each) => stage.own.use(await connectHost(addressOf(lab, each), { signal }))),
  )
  // what a released run has left there: the layers that the build stands on
  const onAll = (...args: string[]): Promise<unknown> =>
    together(hosts.map((host) => host.tryRun(['docker', ...args], { signal, timeoutMs: 300_000 })))
  await onAll('pull', '--quiet', lab.image!)
  const empty = (): Promise<unknown> => onAll('image', 'rm', '--force', reference)
  const ship = async (): Promise<void> => {
    await using shipment = new Shipment(built, join(scratch, 'ship'))
    await together(
      lab.hypervisors.map(async (each) => {
        await using host = await connectHost(addressOf(lab, each), { signal })
        await shipment.to(each.name, dockerOf(host), {
          log: () => undefined,
          signal,
          journal: async () => undefined,
        })
      }),
    )
  }
  const byHand = async (): Promise<void> => {
    const [archive, long] = [join(scratch, 'image.tar'), { signal, timeoutMs: 600_000 }]
    for (const { name } of lab.hypervisors) {
      await runLocally(['docker', '--host', dockerHost, 'save', '--output', archive, reference], long)
      await runLocally(['scp', '-q', '-F', config, archive, `${name}:/tmp/bench-self.tar`], long)
      await runLocally(['ssh', '-F', config, name, 'docker load --quiet --input /tmp/bench-self.tar'], long)
    }
  }
  const whole = await sizeOf(dockerHost, lab.image!)
  const all = await sizeOf(dockerHost, reference)
  const sent: number[] = []
  return {
    async ours() {
      await empty()
      let took = 0
      sent.push(await mostSent(lab, async () => (took = await seconds(ship))))
      return took
    },
    async peer() {
      await empty()
      const took = await seconds(byHand)
      await together(hosts.map((host) => host.run(['rm', '-f', '/tmp/bench-self.tar'])))
      return took
    },
    async checks() {
      await empty()
      await ship()
      return [
        {
          name: 'on the wire per hypervisor: the missing layers alone',
          value: Math.max(...sent),
          unit: 'bytes',
          limit: Math.round(1.1 * (all - whole)) + 64 * 1024,
        },
        {
          name: 'on the wire when it is there already: a login and a question',
          value: await mostSent(lab, ship),
          unit: 'bytes',
          limit: 32 * 1024,
        },
      ]
    },
    notes: [
      `what a developer changes is one layer of ${mega(all - whole)} MB of dpbench's own libraries on softplane's image of ${mega(whole)} MB, which the hypervisors have from a run of the released one. From \`docker save\` to the id that was checked; the build counts in neither.`,
    ],
  }
}

const softplane = { build: buildSoftplaneImage }
const mega = (bytes: number): string => (bytes / 1e6).toFixed(1)

/** A source tree whose image is the lab's, with one layer more. */
async function buildOn(
  source: string,
  base: string,
  dockerHost: string,
  { signal, own }: Stage,
): Promise<BuiltImage> {
  await mkdir(join(source, 'libraries'), { recursive: true })
  const chart = join(import.meta.dirname, '../../node_modules/echarts/dist')
  for (const name of (await readdir(chart)).filter((each) => each.endsWith('.js')))
    await copyFile(join(chart, name), join(source, 'libraries', name))
  await writeFile(join(source, 'Dockerfile'), `FROM ${base}\nCOPY libraries /opt/libraries\n`)
  own.defer(() => runLocally(['docker', '--host', dockerHost, 'image', 'rm', '--force', reference]))
  const logFile = join(source, 'build.log')
  return buildImage({ source, reference, dockerHost, logFile, onLine: () => undefined, signal })
}

async function sizeOf(dockerHost: string, image: string): Promise<number> {
  const argv = ['docker', '--host', dockerHost, 'image', 'inspect', '--format', '{{.Size}}', image]
  return Number((await runLocally(argv)).stdout)
}

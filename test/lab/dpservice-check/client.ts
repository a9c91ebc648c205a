/** Answers what deploying asks of dpservice-cli, in its form. */
import { existsSync } from 'node:fs'

const argv = process.argv.slice(2).filter((argument) => argument !== '-o' && argument !== 'json')
const [verb, object] = argv
const flag = (name: string): string | undefined =>
  argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3)

const specs: Readonly<Record<string, object>> = {
  'get version': { service_name: 'dpservice-check', service_version: '1' },
  'init undefined': { uuid: '00000000-0000-4000-8000-000000000000' },
  'create interface': { underlay_route: 'fc00:1::4', vni: Number(flag('vni')), device: flag('device') },
}

const spec = specs[`${verb} ${object}`]
if (!existsSync('/run/check/ready') || !spec) {
  process.stderr.write(`dpservice-cli: ${argv.join(' ')}: no connection\n`)
  process.exit(1)
}
const answer = {
  kind: object ?? verb,
  metadata: { id: flag('id') ?? '' },
  spec,
  status: { code: 0, message: 'Success' },
}
process.stdout.write(`${JSON.stringify(answer)}\n`)

/** A config in the format of dpservice's own test_configurations.json, made as tests need it. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { scratchFolder } from '../scratch-folder.ts'

export type Loose = Record<string, any> // oxlint-disable-line typescript/no-explicit-any -- tests break it on purpose

const vm = (name: string, ipv4: string, ipv6: string, pci: string): Loose => ({
  machine_name: name,
  if_config: { ipv4, ipv6, vni: 66, pci_addr: pci },
})
const hypervisor = (name: string, address: string, vms: Loose[]): Loose => ({
  machine_name: name,
  host_address: address,
  user_name: 'tli',
  port: 22,
  vms,
})

export function dpserviceConfig(): Loose {
  return {
    key_file: '~/.ssh/id_rsa',
    public_key_file: '~/.ssh/id_rsa.pub',
    default_dpservice_image: 'ghcr.io/ironcore-dev/dpservice:sha-e9b4272',
    concurrent_flow_count: 3,
    expected_throughput: {
      sw: { local_vm2vm: 10, remote_vm2vm: 8, lb: 5 },
      hw: { local_vm2vm: 20, remote_vm2vm: 20, lb: 12 },
    },
    hypervisors: [
      hypervisor('hypervisor-1', '192.168.23.166', [
        vm('vm1', '192.168.129.5', '2002::123', '0000:8a:00.0_representor_vf2'),
        vm('vm2', '192.168.129.6', '2002::124', '0000:8a:00.0_representor_vf1'),
      ]),
      {
        ...hypervisor('hypervisor-2', '192.168.23.86', [
          {
            ...vm('vm3', '172.32.4.9', '2003::123', '0000:3b:00.0_representor_vf0'),
            nat: { ip: '10.10.20.20', ports: [10240, 10360] },
          },
        ]),
        role: 'local',
      },
    ],
    lb: {
      name: 'test_lb',
      ip: '10.20.30.30',
      ports: 'TCP/5201,TCP/50007',
      vni: 66,
      lb_nodes: ['hypervisor-2'],
      lb_machines: ['vm3'],
    },
  }
}

/** A folder with a home that has keys, and a place for a config. */
export function site(): {
  cwd: string
  env: NodeJS.ProcessEnv
  write: (value: unknown, name?: string) => string
} {
  const cwd = scratchFolder()
  const home = path.join(cwd, 'home')
  mkdirSync(path.join(home, '.ssh'), { recursive: true })
  const { privateKey } = generateKeyPairSync('ed25519')
  writeFileSync(path.join(home, '.ssh/id_rsa'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  writeFileSync(path.join(home, '.ssh/id_rsa.pub'), `ssh-ed25519 ${'A'.repeat(68)} me@here\n`)
  mkdirSync(path.join(cwd, 'config'))
  return {
    cwd,
    env: { HOME: home },
    write(value, name = 'config/test_configurations.json') {
      const file = path.join(cwd, name)
      mkdirSync(path.dirname(file), { recursive: true })
      writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value, null, 2))
      return file
    },
  }
}

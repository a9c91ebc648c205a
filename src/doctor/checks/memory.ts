/** Hugepages: how many, of which size, how many of them free, as the config's dpservice and VMs ask. */
import type { HostFacts, HugepagePool, SystemFacts } from '../host-facts.ts'
import { type Judgement, fault, notApplicable, ok, warning } from '../finding.ts'
import type { HypervisorNeeds } from '../needs.ts'
import { setting } from '../repairs.ts'

export function memoryChecks({ system, libvirt }: HostFacts, needs: HypervisorNeeds): Judgement[] {
  const { dataplane, mibPerVm } = needs.hugepages
  const stopped = needs.vms.filter((vm) => !libvirt.running.includes(vm)).length
  const forVms = mibPerVm * stopped
  if ('none' in dataplane && mibPerVm === 0) {
    return [notApplicable('hugepages', `${dataplane.none}, and VMs use none ("libvirt.hugepages")`)]
  }
  const forDataplane = 'none' in dataplane ? 0 : dataplane.mib
  return [
    pages(system, forDataplane, forVms),
    ...('none' in dataplane ? [] : mount(system, dataplane.folder)),
  ]
}

function pages(system: SystemFacts, forDataplane: number | 'some', forVms: number): Judgement {
  const { pools } = system.hugepages
  const pool = chosenPool(system)
  if (!pool) return fault('hugepages', 'this kernel has none', 'boot a kernel with CONFIG_HUGETLBFS')
  const mib = pool.sizeKib / 1024
  const wanted = (forDataplane === 'some' ? mib : forDataplane) + forVms
  const count = Math.ceil(wanted / mib)
  const asks = [
    ...(forDataplane === 'some' ? ['dpservice takes what it needs'] : []),
    ...(typeof forDataplane === 'number' && forDataplane > 0
      ? [`dpservice asks for ${forDataplane} MiB`]
      : []),
    ...(forVms > 0 ? [`VMs for ${forVms} MiB`] : []),
  ].join(', ')
  const spread = pool.nodes.map((node) => `node ${node.node}: ${node.total}, ${node.free} free`).join('; ')
  const found = `${pool.total} of ${size(pool)}, ${pool.free} free${spread && ` (${spread})`}; ${asks}`
  if (pool.free >= count) {
    const node = cardNode(system)
    const near = pool.nodes.find((each) => each.node === node)
    return near && near.free === 0
      ? warning(
          'hugepages',
          `${found}; none is free on NUMA node ${near.node}, where the card is`,
          `echo ${count} > ${nodeFile(pool, near.node)}`,
        )
      : ok('hugepages', found)
  }
  const held = pool.total - pool.free
  const total = held + count
  const others = pools.filter((each) => each !== pool && each.total > 0).map(size)
  const file = poolFile(pool)
  const advice =
    `sysctl -w vm.nr_hugepages=${total}` +
    (pool.sizeKib === system.hugepages.defaultKib ? '' : ` (for ${size(pool)}: echo ${total} > ${file})`) +
    `; for good: the same in /etc/sysctl.d/, or hugepages=${total} on the kernel's command line` +
    (held > 0 ? `; ${held} are held by processes: docker ps, virsh list` : '') +
    (others.length > 0 ? `; there are also pages of ${others.join(', ')}` : '')
  const repair = setting(
    `hugepages of ${size(pool)}: ${pool.total} → ${total}`,
    [{ path: file, before: String(pool.total), after: String(total) }],
    true,
  )
  return fault('hugepages', found, advice, [repair])
}

/** The pool with pages, else that of the default size: DPDK takes pages of any size that is mounted. */
function chosenPool({ hugepages: { pools, defaultKib } }: SystemFacts): HugepagePool | undefined {
  const bySpace = pools
    .filter(({ total }) => total > 0)
    .sort((one, other) => other.free * other.sizeKib - one.free * one.sizeKib)
  return bySpace[0] ?? pools.find(({ sizeKib }) => sizeKib === defaultKib) ?? pools[0]
}

function mount({ hugetlbfs }: SystemFacts, folder: string | undefined): Judgement[] {
  if (folder === undefined) return []
  return [
    hugetlbfs.includes(folder)
      ? ok('hugetlbfs', `mounted at ${folder}`)
      : fault(
          'hugetlbfs',
          `no hugetlbfs is mounted at ${folder}, so dpservice cannot use the hugepages`,
          `mkdir -p ${folder} && mount -t hugetlbfs none ${folder}`,
        ),
  ]
}

function cardNode({ cards }: SystemFacts): number | undefined {
  return Object.values(cards).find(({ numaNode }) => numaNode !== undefined)?.numaNode
}

const size = ({ sizeKib }: HugepagePool): string =>
  sizeKib >= 1024 * 1024 ? `${sizeKib / 1024 / 1024} GiB` : `${sizeKib / 1024} MiB`

const poolFile = ({ sizeKib }: HugepagePool): string =>
  `/sys/kernel/mm/hugepages/hugepages-${sizeKib}kB/nr_hugepages`

const nodeFile = ({ sizeKib }: HugepagePool, node: number): string =>
  `/sys/devices/system/node/node${node}/hugepages/hugepages-${sizeKib}kB/nr_hugepages`

/** What the commands of `host-script.ts` print → facts. Pure. */
import { parseNetwork } from '../transport/libvirt/documents.ts'
import type { CardFacts, DockerFacts, HugepagePool, LibvirtFacts, SystemFacts } from './host-facts.ts'

type Sections = ReadonlyMap<string, string>

/** The text of each section, by its name. */
export function sectionsOf(output: string): Sections {
  return new Map(
    output
      .split('\f')
      .slice(1)
      .map((part) => {
        const end = part.indexOf('\n')
        return [part.slice(0, end), part.slice(end + 1).trim()] as const
      }),
  )
}

const lines = (sections: Sections, name: string): string[] =>
  (sections.get(name) ?? '').split('\n').filter((line) => line.trim() !== '')

const words = (sections: Sections, name: string): string[][] =>
  lines(sections, name).map((line) => line.trim().split(/\s+/))

export function parseSystem(output: string): SystemFacts {
  const sections = sectionsOf(output)
  const conf = sections.get('dpservice.conf')
  const mounts = words(sections, 'mounts').map(([, folder = '', type = '', options = '']) => ({
    folder: folder.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCodePoint(Number.parseInt(octal, 8)),
    ),
    type,
    options: options.split(','),
  }))
  const nft = sections.get('nft')
  return {
    complete: sections.has('end'),
    os: parseOsRelease(sections.get('os') ?? ''),
    kernel: sections.get('kernel') ?? '',
    systemd: sections.get('systemd') === 'yes',
    programs: Object.fromEntries(words(sections, 'programs').map(([name = '', path = '']) => [name, path])),
    versions: Object.fromEntries(
      [...sections].flatMap(([name, text]) =>
        name.startsWith('version ') && text !== '' ? [[name.slice('version '.length), text]] : [],
      ),
    ),
    hugepages: parseHugepages(words(sections, 'hugepages')),
    hugetlbfs: mounts.filter(({ type }) => type === 'hugetlbfs').map(({ folder }) => folder),
    iommuGroups: Number(sections.get('iommu') ?? 0),
    cards: parseCards(words(sections, 'cards')),
    representors: words(sections, 'representors').map(([netdev = '', port = '', card]) => ({
      netdev,
      port,
      ...(card !== undefined && card !== '.' && { card }),
    })),
    kvm: sections.get('kvm') === 'yes',
    ipForward: sections.get('forward') === '1',
    ...(nft !== undefined && {
      nft: sections.get('nft status') === 'ok' ? parseRuleset(nft) : { error: lastLine(nft) },
    }),
    mounts: mounts.map(({ folder, options }) => ({ folder, options })),
    imageFreeBytes: parseFree(sections.get('free') ?? ''),
    governors: Object.fromEntries(words(sections, 'governors').map(([file = '', name = '']) => [file, name])),
    netdevs: Object.fromEntries(
      words(sections, 'netdevs').map(([name = '', mtu, bridge]) => [
        name,
        { mtu: Number(mtu), bridge: bridge === 'bridge' },
      ]),
    ),
    ...(conf !== undefined && { dpserviceConf: conf }),
    units: Object.fromEntries(
      words(sections, 'units').flatMap(([load, active = '', unit = '']) =>
        load === 'loaded' ? [[unit, active]] : [],
      ),
    ),
    routes: words(sections, 'routes').flatMap(([first = '']) => (/^\d/.test(first) ? [first] : [])),
  }
}

/** What `freeCommand` prints, in bytes. */
export function parseFree(text: string): number | undefined {
  const [, blocks, size] = /^(\d+) (\d+) /.exec(text.trim()) ?? []
  return blocks === undefined ? undefined : Number(blocks) * Number(size)
}

/** Warnings may stand before the document: it is the one line that begins with a brace. */
function parseRuleset(text: string): NonNullable<SystemFacts['nft']> {
  const document = text.split('\n').find((line) => line.startsWith('{'))
  try {
    return { ruleset: JSON.parse(document ?? '') as unknown }
  } catch {
    return { error: `nft -j prints no JSON: ${lastLine(text)}` }
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? ''
}

export function parseOsRelease(text: string): SystemFacts['os'] {
  const value = (key: string): string =>
    new RegExp(`^${key}=["']?(.*?)["']?$`, 'm').exec(text)?.[1]?.trim() ?? ''
  const id = value('ID')
  return {
    name: value('PRETTY_NAME') || id || 'unknown',
    id,
    like: value('ID_LIKE').split(/\s+/).filter(Boolean),
  }
}

function parseHugepages(rows: readonly string[][]): SystemFacts['hugepages'] {
  const figures = (kind: string): number[][] =>
    rows.filter(([first]) => first === kind).map(([, ...rest]) => rest.map(Number))
  const pools = figures('pool').map(([sizeKib = 0, total = 0, free = 0]): HugepagePool => ({
    sizeKib,
    total,
    free,
    nodes: figures('node')
      .filter(([size]) => size === sizeKib)
      .map(([, node = 0, total = 0, free = 0]) => ({ node, total, free })),
  }))
  return { defaultKib: figures('default')[0]?.[0] ?? 0, pools }
}

function parseCards(rows: readonly string[][]): Record<string, CardFacts> {
  const cards: Record<string, CardFacts> = {}
  let current: { -readonly [K in keyof CardFacts]: CardFacts[K] } = { netdevs: [] }
  for (const [key, value = '', more] of rows) {
    if (key === 'card') cards[value] = current = { netdevs: [] }
    else if (key === 'netdev') current.netdevs = [...current.netdevs, { name: value, mtu: Number(more) }]
    else if (key === 'driver') current.driver = value || 'none'
    else if (key === 'eswitch' && value !== '') current.eswitch = value
    else if (key === 'sriov_totalvfs') current.totalVfs = Number(value)
    else if (key === 'sriov_numvfs') current.vfs = Number(value)
    else if (key === 'numa_node' && Number(value) >= 0) current.numaNode = Number(value)
  }
  return cards
}

export function parseLibvirt(output: string, network: string): LibvirtFacts {
  const sections = sectionsOf(output)
  const said = sections.get('version') ?? ''
  if (sections.get('status') !== '0') {
    return { answer: { error: lastLine(said) || 'no answer' }, networks: [], running: [] }
  }
  const document = sections.get('network') ?? ''
  const dnsmasq = sections.get('dnsmasq')
  const found = document === '' ? undefined : parseNetwork(document)
  const names = (section: string): string[] => lines(sections, section).map((line) => line.trim())
  return {
    answer: { version: /daemon:\s*(\S+)|library: libvirt (\S+)/.exec(said)?.slice(1).find(Boolean) ?? said },
    ...(found && {
      network: {
        uuid: found.uuid ?? '',
        active: names('active').includes(network),
        autostart: names('autostart').includes(network),
        dhcp: found.hasDhcp,
        ...(found.bridge !== undefined && { bridge: found.bridge }),
        ...(found.forward !== undefined && { forward: found.forward }),
      },
    }),
    ...((dnsmasq === 'serves' || dnsmasq === 'ended') && { dnsmasq }),
    networks: names('networks'),
    running: names('running'),
    domainType:
      sections.get('domains status') === 'ok' ? true : lastLine(sections.get('domains') ?? '') || 'no answer',
  }
}

export function parseSocket(sections: Sections): Omit<DockerFacts, 'engine'> {
  const socket = sections.get('socket')
  return {
    socket: socket === 'ours' || socket === 'not ours' ? socket : 'missing',
    group: sections.get('group') || 'docker',
    listening: Number(sections.get('listening') ?? 0) > 0,
  }
}

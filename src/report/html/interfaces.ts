/** What the interfaces and TCP of guests and hypervisors counted, all repetitions together. */
import type { InterfaceUse } from '../../verdict/counters.ts'
import { formatCount } from '../../verdict/format.ts'
import type { TestRecord } from '../record.ts'
import { type Markup, html } from './markup.ts'
import { scrolling } from './parts.ts'

const counts = ['receiveDropped', 'receiveErrors', 'sendDropped', 'sendErrors'] as const

export function interfaces({ repetitions }: TestRecord): Markup | undefined {
  const counters = repetitions.flatMap((sample) => sample.counters ?? [])
  const used = counters.flatMap(({ machine, interfaces: all }) => all.map((each) => ({ machine, each })))
  if (used.length === 0) return undefined
  const groups = Map.groupBy(used, ({ machine, each }) => JSON.stringify([machine, each.name]))
  const rows = [...groups.values()].map((group) =>
    rowOf(
      group[0]!.machine,
      group.map(({ each }) => each),
    ),
  )
  return html`<details>
    <summary>Interfaces and TCP of the machines</summary>
    ${scrolling(
      'Interfaces',
      html`<table>
        <caption>
          Differences over all repetitions
        </caption>
        <thead>
          <tr>
            ${['machine', 'interface', 'received', 'sent', 'dropped and faulty'].map(
              (title) => html`<th scope="col">${title}</th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>`,
    )}
    ${segments({ repetitions })}
  </details>`
}

function rowOf(machine: string, all: readonly InterfaceUse[]): Markup {
  const sum = (key: Exclude<keyof InterfaceUse, 'name' | 'driverDrops'>): number =>
    all.reduce((total, each) => total + each[key], 0)
  const lost = counts.map((key) => [key, sum(key)] as const).filter(([, count]) => count > 0)
  const drivers = all.flatMap(({ driverDrops = {} }) => Object.entries(driverDrops))
  return html`<tr>
    <th scope="row">${machine}</th>
    <td>${all[0]!.name}</td>
    <td class="figure">${moved(sum('receivedBytes'), sum('receivedPackets'))}</td>
    <td class="figure">${moved(sum('sentBytes'), sum('sentPackets'))}</td>
    <td>${[...lost, ...drivers].map(([name, count]) => `${name} ${count}`).join(', ') || '0'}</td>
  </tr>`
}

function moved(bytes: number, packets: number): string {
  return `${(bytes / 1e9).toFixed(3)} GB, ${formatCount(packets)} packets`
}

function segments({ repetitions }: Pick<TestRecord, 'repetitions'>): Markup | undefined {
  const tcp = repetitions.flatMap(({ counters = [] }) => counters.flatMap((each) => (each.tcp ? [each] : [])))
  if (tcp.length === 0) return undefined
  const machines = [...Map.groupBy(tcp, ({ machine }) => machine)]
  const sum = (all: typeof tcp, key: 'segmentsSent' | 'segmentsRetransmitted'): string =>
    formatCount(all.reduce((total, each) => total + each.tcp![key], 0))
  return html`<ul class="details">
    ${machines.map(
      ([machine, all]) =>
        html`<li>
          ${machine}: ${sum(all, 'segmentsSent')} TCP segments sent, ${sum(all, 'segmentsRetransmitted')} of
          them again
        </li>`,
    )}
  </ul>`
}

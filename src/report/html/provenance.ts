/** Where the figures come from: command, profile, machines, data planes, configuration. */
import type { MachineRecord, RunRecord } from '../record.ts'
import { logFilesOf } from '../view.ts'
import { type Fragment, type Markup, html } from './markup.ts'
import { scrolling } from './parts.ts'

export function provenance(record: RunRecord): Markup {
  return html`<section aria-labelledby="provenance-title" id="provenance">
    <h2 id="provenance-title">Provenance</h2>
    ${definitions(aboutRun(record))}
    <h3>Data planes</h3>
    ${dataPlanes(record)}
    <h3>Machines</h3>
    ${machines(record.machines)} ${reboots(record)} ${logs(record)}
    <h3>Configuration</h3>
    <p>
      ${record.config.name && `${record.config.name}, `}${record.config.file}, SHA-256
      <code>${record.config.sha256}</code>
    </p>
    <details>
      <summary>As it was loaded, without secrets</summary>
      <pre tabindex="0">${JSON.stringify(record.config.content, null, 2)}</pre>
    </details>
    <details>
      <summary>Options of the run</summary>
      <pre tabindex="0">${JSON.stringify(record.options, null, 2)}</pre>
    </details>
  </section>`
}

function aboutRun(record: RunRecord): (readonly [string, Fragment])[] {
  const { profile } = record
  const { min, max } = profile.repetitions
  return [
    ['run', record.tag ? `${record.runId} (${record.tag})` : record.runId],
    ['started', record.startedAt],
    ['finished', record.finishedAt ?? 'not recorded: the run was killed'],
    ['command', html`<code>${record.commandLine.join(' ')}</code>`],
    ['dpbench', record.dpbenchVersion],
    ['stage', record.stage ?? '—'],
    [
      'profile',
      `${profile.name}: ${profile.warmUpSeconds} s warm-up, ${profile.keptSeconds} s kept,` +
        ` ${profile.warmDownSeconds} s warm-down, ${min} to ${max} repetitions,` +
        ` ${profile.gapSeconds} s between them`,
    ],
    [
      'rule',
      record.rule === 'mean'
        ? 'the mean decides'
        : 'the 95 % interval of the mean decides (docs/evidence.md)',
    ],
    ['exit code', record.outcome.exitCode],
  ]
}

function dataPlanes({ dataPlanes: all }: RunRecord): Markup {
  if (all.length === 0) return html`<p>None was deployed.</p>`
  return scrolling(
    'Data planes',
    html`<table>
      <thead>
        <tr>
          ${['machine', 'mode', 'image', 'digest', 'version', 'arguments'].map((title) => html`<th scope="col">${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${all.map(
          ({ machine, mode, image, digest, version, arguments: given = [] }) =>
            html`<tr>
              <th scope="row">${machine}</th>
              <td>${mode ?? '—'}</td>
              <td>${image}</td>
              <td><code>${digest ?? '—'}</code></td>
              <td>${version ?? '—'}</td>
              <td><code>${given.join(' ') || '—'}</code></td>
            </tr>`,
        )}
      </tbody>
    </table>`,
  )
}

function machines(all: readonly MachineRecord[]): Markup {
  if (all.length === 0) return html`<p>None was described.</p>`
  return scrolling(
    'Machines',
    html`<table>
      <thead>
        <tr>
          ${['machine', 'role', 'system', 'CPU', 'memory', 'tools'].map((title) => html`<th scope="col">${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${all.map(machineRow)}
      </tbody>
    </table>`,
  )
}

function machineRow({
  name,
  role,
  kernel,
  os,
  cpu,
  cores,
  memoryBytes,
  tools,
  details,
}: MachineRecord): Markup {
  const more = Object.entries({ ...tools, ...details }).map(([key, value]) => `${key}: ${value}`)
  return html`<tr>
    <th scope="row">${name}</th>
    <td>${role}</td>
    <td>${[os, kernel].filter(Boolean).join(', ') || '—'}</td>
    <td>${[cpu, cores !== undefined && `${cores} cores`].filter(Boolean).join(', ') || '—'}</td>
    <td class="figure">${memoryBytes === undefined ? '—' : `${(memoryBytes / 2 ** 30).toFixed(1)} GiB`}</td>
    <td>${more.join('; ') || '—'}</td>
  </tr>`
}

function reboots({ reboots: all = [] }: RunRecord): Markup | undefined {
  if (all.length === 0) return undefined
  return html`<h3>Reboots</h3>
    <ul>
      ${all.map(
        ({ machine, mode, sshSeconds, leaseSeconds }) =>
          html`<li>
            ${machine}, before ${mode}: SSH after ${sshSeconds.toFixed(1)}
            s${leaseSeconds !== undefined && `, its lease after ${leaseSeconds.toFixed(1)} s more`}
          </li>`,
      )}
    </ul>`
}

function logs(record: RunRecord): Markup | undefined {
  const files = logFilesOf(record)
  if (files.length === 0) return undefined
  return html`<h3>Logs in the results folder</h3>
    <ul>
      ${files.map((file) => html`<li>${file}</li>`)}
    </ul>`
}

function definitions(entries: readonly (readonly [string, Fragment])[]): Markup {
  return html`<dl>
    ${entries.map(
      ([term, value]) =>
        html`<dt>${term}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`
}

/** The command that asks a machine after a failure, run for real by a shell here. */
import { expect, test } from 'vitest'
import { tryLocally } from '../../src/core/local-command.ts'
import type { Probe } from '../../src/environment/flight/probes.ts'
import { fetchedBytes, parsePieces, probeCommand } from '../../src/environment/flight/script.ts'

const probe = (name: string, command: string, part: Partial<Probe> = {}): Probe => ({
  lane: 'system',
  name,
  command,
  keep: 'beginning',
  mostBytes: 100,
  ...part,
})

const ask = async (...probes: Probe[]) => {
  const { stdout } = await tryLocally(probeCommand(probes))
  return parsePieces('here', probes, stdout, 'broke off')
}

test('each probe has its own output, errors among it, and exit status', async () => {
  const [first, second, third] = await ask(
    probe('one', 'echo one; echo two >&2'),
    probe('two', 'printf "no line end"; exit 3'),
    probe('three', 'no-such-program-at-all'),
  )
  expect(first).toMatchObject({ text: 'one\ntwo\n', exitStatus: 0, cut: false, machine: 'here' })
  expect(second).toMatchObject({ text: 'no line end', exitStatus: 3 })
  expect(third).toMatchObject({ exitStatus: 127 })
  expect(third!.text).toContain('not found')
})

test('what is longer is bounded where it comes from, at its beginning or its end', async () => {
  const many = fetchedBytes(100) + 50_000
  const [head, tail] = await ask(
    probe('head', `echo first; head -c ${many} /dev/zero | tr '\\0' x; echo last`),
    probe('tail', `echo first; head -c ${many} /dev/zero | tr '\\0' x; echo last`, { keep: 'end' }),
  )
  for (const piece of [head!, tail!]) {
    expect(piece).toMatchObject({ cut: true, exitStatus: 0 })
    expect(Buffer.byteLength(piece.text!)).toBe(fetchedBytes(100))
  }
  expect(head!.text).toMatch(/^first\n/)
  expect(tail!.text).toMatch(/last\n$/)
})

test('a probe that hangs is ended, and the ones after it are asked', async () => {
  const probes = [probe('hung', 'echo begun; sleep 60'), probe('next', 'echo here')]
  const { stdout } = await tryLocally(probeCommand(probes, 1))
  const [hung, next] = parsePieces('here', probes, stdout, 'broke off')
  expect(hung).toMatchObject({ text: 'begun\n', missing: 'it had not ended in its time' })
  expect(next).toMatchObject({ text: 'here\n', exitStatus: 0 })
})

test('an output that breaks off keeps what it has, and says why the rest is missing', async () => {
  const probes = [probe('one', 'echo one'), probe('two', 'echo two'), probe('three', 'echo three')]
  const { stdout } = await tryLocally(probeCommand(probes))
  const [one, two, three] = parsePieces(
    'here',
    probes,
    stdout.slice(0, stdout.indexOf('two\n') + 2),
    'broke off',
  )
  expect(one).toMatchObject({ text: 'one\n', exitStatus: 0 })
  expect(one).not.toHaveProperty('missing')
  expect(two).toMatchObject({ text: 'tw', missing: 'broke off' })
  expect(three).toMatchObject({ missing: 'broke off' })
  expect(three).not.toHaveProperty('text')
})

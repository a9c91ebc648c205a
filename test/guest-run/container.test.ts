import { expect, test } from 'vitest'
import { tryLocally } from '../../src/core/local-command.ts'
import { type ContainerFunction, containerScript } from '../../src/guest-run/container/script.ts'

const container: ContainerFunction = {
  archive: 'image.tar',
  args: ['--name', "it's"],
  environment: ['A=b c'],
  port: 8080,
  readySeconds: 60,
}

test('is a script that bash takes, with what it needs at its head', async () => {
  for (const each of [
    container,
    { ...container, probe: "echo 'x'", expect: "a'b", logHas: '^ok$', logLacks: 'panic' },
  ]) {
    const script = containerScript(each)
    expect((await tryLocally(['bash', '-n'], { input: script })).stderr).toBe('')
    expect(script).toMatch(/^#!\/bin\/bash\n(#.*\n)*# REQUIRE=image.tar\n/)
    expect(script).toContain(`"$image" --name 'it'\\''s'`)
    expect(script).toContain("--env 'A=b c'")
  }
})

test('looks at the log only for what was asked', () => {
  expect(containerScript(container)).not.toContain('no line of its log')
  expect(containerScript({ ...container, logHas: 'up$' })).toContain(
    `grep -qE -- 'up$' "$DPBENCH_RESULTS/container.log"`,
  )
})

/** Subtests and steps: in the timeline, in what is said, and in the message of what fails in them. */
import { describe, expect, test } from 'vitest'
import { DpbenchError } from '../../src/core/errors.ts'
import { testParts } from '../../src/vitest/test-steps.ts'

function parts() {
  const steps: string[] = []
  const said: string[] = []
  const made = testParts({
    observe: ({ name }) => {
      steps.push(`> ${name}`)
      return ({ outcome }) => void steps.push(`${outcome} ${name}`)
    },
    say: (text) => void said.push(text.replace(/, [\d.]+ s$/, '')),
  })
  return { ...made, steps, said }
}

describe('parts of a test', () => {
  test('are nested by how they are called, and give back what their work does', async () => {
    const { subtest, log, steps, said } = parts()
    const value = await subtest('a', async () => {
      log('said inside')
      return log.step('b', () => 7)
    })
    expect(value).toBe(7)
    expect(steps).toEqual([
      '> subtest a',
      '> subtest a › said inside',
      'ok subtest a › said inside',
      '> subtest a › step b',
      'ok subtest a › step b',
      'ok subtest a',
    ])
    expect(said).toEqual(['subtest a › said inside', 'subtest a › step b: ok', 'subtest a: ok'])
  })

  test('keep apart when they run side by side', async () => {
    const { subtest, log, steps } = parts()
    await Promise.all(['a', 'b'].map((name) => subtest(name, () => log.step('inner', async () => undefined))))
    expect(steps).toContain('> subtest a › step inner')
    expect(steps).toContain('> subtest b › step inner')
  })

  test('are named once in an error, which stays the same object', async () => {
    const { subtest, log, steps } = parts()
    const thrown = Object.assign(new DpbenchError('no answer'), { detail: 3 })
    const caught = await subtest('a', () =>
      log.step('b', () => {
        throw thrown
      }),
    ).catch((error: unknown) => error)
    expect(caught).toBe(thrown)
    expect(thrown.message).toBe('subtest a › step b: no answer')
    expect(steps.slice(-2)).toEqual(['failed subtest a › step b', 'failed subtest a'])
  })

  test('name a value that is no error, and an error that cannot be changed', async () => {
    const { subtest } = parts()
    const frozen = Object.freeze(new Error('as it is'))
    const failing = (reason: unknown) => subtest('a', () => Promise.reject(reason))
    await expect(failing('text')).rejects.toThrow('subtest a: text')
    await expect(failing(frozen)).rejects.toMatchObject({ message: 'subtest a: as it is', cause: frozen })
  })

  test('do not begin in a test that was ended', async () => {
    const { subtest } = testParts({
      observe: () => () => undefined,
      say: () => undefined,
      signal: AbortSignal.abort(new Error('over')),
    })
    let ran = false
    await expect(subtest('a', () => void (ran = true))).rejects.toThrow('over')
    expect(ran).toBe(false)
  })
})

import { expect, test } from 'vitest'
import { DisposalStack } from '../../src/core/disposal-stack.ts'

test('gives everything back once, in reverse, also after a failure', async () => {
  const order: string[] = []
  const stack = new DisposalStack()
  const thing = { [Symbol.asyncDispose]: async () => void order.push('thing') }
  expect(stack.use(thing)).toBe(thing)
  stack.defer(() => {
    order.push('fails')
    throw new Error('no')
  })
  stack.defer(() => order.push('last'))
  await expect(stack[Symbol.asyncDispose]()).rejects.toThrow('no')
  await expect(stack[Symbol.asyncDispose]()).rejects.toThrow('no')
  expect(order).toEqual(['last', 'fails', 'thing'])
  expect(() => stack.defer(() => undefined)).toThrow(TypeError)
})

test('several failures come together', async () => {
  const stack = new DisposalStack()
  for (const reason of ['one', 'two']) stack.defer(() => Promise.reject(new Error(reason)))
  const failure = await stack[Symbol.asyncDispose]().catch((error: unknown) => error)
  expect((failure as AggregateError).errors.map(String)).toEqual(['Error: two', 'Error: one'])
})

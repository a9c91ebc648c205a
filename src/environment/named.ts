/** Machines under their names, for people who type. */
import { DpbenchError } from '../core/errors.ts'

/** What `await`, printing and comparing ask of any object. */
const askedOfAll = new Set(['then', 'toJSON', '$$typeof', 'asymmetricMatch', 'nodeType', 'tagName'])

/** A record by name that says which names there are when it is asked for another. */
export function named<T extends object>(
  machines: ReadonlyMap<string, T>,
  kind: string,
): Readonly<Record<string, T>> {
  return new Proxy(Object.fromEntries(machines), {
    get(target, name) {
      if (typeof name !== 'string' || name in target || askedOfAll.has(name))
        return Reflect.get(target, name) as T
      throw new DpbenchError(`the config has no ${kind} ${name}; it has ${[...machines.keys()].join(', ')}`)
    },
  })
}

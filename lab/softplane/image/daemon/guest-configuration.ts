/** The daemon's side of the responder that gives the guests of one VNI their addresses. */
import type { ChildProcess } from 'node:child_process'

/** A port with a guest behind it, and what this guest is to be told. Empty: not served. */
export interface GuestPort {
  readonly device: string
  readonly mac: string
  readonly ipv4: string
  readonly ipv6: string
  readonly hostname: string
  readonly mtu: number
  readonly dns4: readonly string[]
  readonly dns6: readonly string[]
}

/** A line to the responder's standard input. It answers each by `{id}` or `{id, error}`. */
export type ResponderRequest =
  | { readonly id: number; readonly op: 'add'; readonly port: GuestPort }
  | { readonly id: number; readonly op: 'remove'; readonly device: string }

/** For one port to be served; starting its programs takes a fraction of a second. */
const deadlineMs = 10_000

type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never

export class GuestConfiguration {
  #responder: ChildProcess | undefined
  #next = 1
  readonly #waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>()

  attach(responder: ChildProcess): void {
    this.#responder = responder
    responder.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the responder of a VNI has ended'))
      this.#waiting.clear()
    })
  }

  /** Resolves once requests of a guest behind the port are answered. */
  async add(port: GuestPort): Promise<void> {
    await this.#send({ op: 'add', port })
  }

  async remove(device: string): Promise<void> {
    await this.#send({ op: 'remove', device })
  }

  acknowledge(line: string): void {
    const { id, error } = JSON.parse(line) as { id: number; error?: string }
    const waiting = this.#waiting.get(id)
    if (error === undefined) waiting?.resolve()
    else waiting?.reject(new Error(error))
  }

  async #send(request: Unnumbered<ResponderRequest>): Promise<void> {
    const id = this.#next++
    const responder = this.#responder
    if (!responder || responder.exitCode !== null || responder.signalCode !== null) {
      throw new Error('the responder of a VNI is not there')
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const deadline = setTimeout(() => reject(new Error('the responder of a VNI does not answer')), deadlineMs)
    this.#waiting.set(id, { resolve, reject })
    responder.stdin?.write(`${JSON.stringify({ id, ...request })}\n`)
    await promise.finally(() => {
      clearTimeout(deadline)
      this.#waiting.delete(id)
    })
  }
}

/** The Docker engine of a host in a plan: it keeps what it is told, and answers as an engine that has nothing yet. */
import { Readable } from 'node:stream'
import type DockerModem from 'docker-modem'
import type { DialModem } from '../transport/docker/observed-modem.ts'
import { parseReference } from '../transport/docker/reference.ts'
import { DpserviceAnswers } from './dpservice-answers.ts'
import type { World } from './world.ts'

interface Container {
  readonly labels: unknown
  readonly ended: PromiseWithResolvers<void>
  running: boolean
}

/** Is told of what a container is created with. */
type OnCreate = (name: string, body: Readonly<Record<string, unknown>>) => void

/** Dockerode's containers go by their names here, so what is recorded can be typed. */
export class RecordingEngine {
  private readonly world: World
  private readonly onCreate: OnCreate
  private readonly dpservice: DpserviceAnswers
  private readonly images = new Set<string>()
  private readonly containers = new Map<string, Container>()
  private readonly execs = new Map<string, readonly string[]>()

  constructor(world: World, onCreate: OnCreate) {
    this.world = world
    this.onCreate = onCreate
    this.dpservice = new DpserviceAnswers(world)
  }

  readonly dial: DialModem = (options, done) => {
    if (options.file && typeof options.file === 'object' && 'destroy' in options.file)
      (options.file as Readable).destroy()
    void this.reply(options, done)
  }

  private async reply(...[options, done]: Parameters<DialModem>): Promise<void> {
    let found: unknown
    let failure: Error | null = null
    try {
      found = await this.answer(options)
    } catch (error) {
      failure = error as Error
    }
    done?.(failure, found as object)
  }

  private async answer({ method = 'GET', path, options = {} }: DockerModem.DialOptions): Promise<unknown> {
    const given = options as Readonly<Record<string, unknown>>
    const [, area = '', ...rest] = path.replace(/\?.*$/, '').split('/')
    if (area === 'images') return this.image(method, rest, given)
    if (area === 'containers') return this.container(method, rest, given)
    return this.exec(method, rest)
  }

  private image(method: string, rest: readonly string[], given: Readonly<Record<string, unknown>>): unknown {
    const last = rest.at(-1)
    if (method === 'POST') {
      const loaded = [...this.world.built.values()]
      const pulled = typeof given['fromImage'] === 'string' ? imageName(given) : undefined
      for (const name of pulled === undefined ? loaded : [pulled]) this.images.add(tagged(name))
      return Readable.from([Buffer.from('{}\n')])
    }
    if (rest.length === 1 && last === 'json') return []
    const name = (method === 'GET' ? rest.slice(0, -1) : rest).join('/')
    if (!this.images.has(tagged(name))) throw missing(`no such image: ${name}`)
    if (method === 'DELETE') return void this.images.delete(tagged(name))
    const id = this.world.imageId(name)
    const { repository, digest } = parseReference(name)
    const layers = { RootFS: { Layers: [] } }
    if (this.world.built.has(id)) return { Id: id, RepoTags: [name], RepoDigests: [], ...layers }
    const known = digest ?? this.world.assumed.token(`digest of ${name}`)
    return { Id: id, RepoTags: [name], RepoDigests: [`${repository}@${known}`], ...layers }
  }

  private async container(
    method: string,
    [name = '', action]: readonly string[],
    given: Readonly<Record<string, unknown>>,
  ): Promise<unknown> {
    if (name === 'create') {
      const { name: own, ...body } = (given['_body'] ?? given) as Record<string, unknown>
      const called = String(own ?? (given['_query'] as Record<string, unknown> | undefined)?.['name'])
      this.onCreate(called, body)
      const ended = Promise.withResolvers<void>()
      this.containers.set(called, { labels: body['Labels'], ended, running: false })
      return { Id: called }
    }
    const found = this.containers.get(name)
    if (!found) throw missing(`No such container: ${name}`)
    if (method === 'DELETE') return void this.containers.delete(name)
    switch (action) {
      case 'start':
        found.running = true
        return undefined
      case 'stop':
        found.running = false
        found.ended.resolve()
        return undefined
      case 'wait':
        await found.ended.promise
        return { StatusCode: 0 }
      case 'logs':
        return given['follow'] === true ? Readable.from([]) : Buffer.alloc(0)
      case 'exec': {
        const id = `exec-${this.execs.size}`
        this.execs.set(id, given['Cmd'] as string[])
        return { Id: id }
      }
      default:
        return {
          Id: name,
          Image: '',
          Config: { Labels: found.labels },
          State: { Running: found.running, Pid: this.world.assumed.token(`PID of ${name}`), ExitCode: 0 },
          RestartCount: 0,
        }
    }
  }

  private exec(method: string, [id = '']: readonly string[]): unknown {
    if (method === 'GET') return { ExitCode: 0 }
    const argv = this.execs.get(id) ?? []
    const text = Buffer.from(argv[0] === 'dpservice-cli' ? this.dpservice.answer(argv.slice(3)) : '')
    const header = Buffer.alloc(8)
    header[0] = 1 // standard output
    header.writeUInt32BE(text.length, 4)
    return Readable.from([Buffer.concat([header, text])], { objectMode: false })
  }
}

function imageName({ fromImage, tag }: Readonly<Record<string, unknown>>): string {
  if (tag === undefined || tag === '') return String(fromImage)
  return String(tag).startsWith('sha256:')
    ? `${String(fromImage)}@${String(tag)}`
    : `${String(fromImage)}:${String(tag)}`
}

/** An engine takes a name without a tag for its `latest`. */
function tagged(name: string): string {
  return /[:@][^/]*$/.test(name) ? name : `${name}:latest`
}

function missing(message: string): Error {
  return Object.assign(new Error(`(HTTP code 404) ${message}`), { statusCode: 404 })
}

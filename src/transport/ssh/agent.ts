/** The user's ssh-agent, for one key of it. Others that it holds are neither offered nor shown to a machine. */
import ssh2, { type BaseAgent, type ParsedKey, type SignCallback, type SigningRequestOptions } from 'ssh2'

const { BaseAgent: Base, createAgent } = ssh2

/** Lists that one key, and has the agent sign with it. */
export class OneKeyAgent extends Base<ParsedKey> {
  private readonly agent: BaseAgent
  private readonly blob: Buffer

  constructor(socket: string, blob: Buffer) {
    super()
    this.agent = createAgent(socket)
    this.blob = blob
  }

  override getIdentities(done: (error?: Error, keys?: ParsedKey[]) => void): void {
    this.agent.getIdentities((error, keys) => {
      if (error) return done(error)
      done(
        undefined,
        (keys as ParsedKey[] | undefined)?.filter((key) => key.getPublicSSH().equals(this.blob)),
      )
    })
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    if (typeof options === 'function') this.agent.sign(key, data, options)
    else this.agent.sign(key, data, options, done)
  }
}

/** Whether the agent at `socket` holds the key `blob`; where not, what to say of it. */
export function agentHas(socket: string | undefined, blob: Buffer): Promise<string> {
  if (!socket) return Promise.resolve('not asked')
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(`at ${socket} does not answer`), 5000)
    new OneKeyAgent(socket, blob).getIdentities((error, keys) => {
      clearTimeout(timer)
      if (error) resolve(`at ${socket} does not answer (${error.message})`)
      else resolve(keys && keys.length > 0 ? 'has it' : `at ${socket} does not have its private half`)
    })
  })
}

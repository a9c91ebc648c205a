/**
 * What only the machines could tell, and a plan has to assume. Something unknown goes through the code as a token that no
 * shell would quote, and is shown as `<underlay address of vm1>`.
 */

/** What a plan takes every guest for. */
export interface GuestAssumptions {
  readonly dhcpClient: 'networkd' | 'dhclient'
  /** Of the data NIC, in bytes; by default what dpservice's `--dhcp-mtu` gives. */
  readonly mtuBytes?: number | undefined
}

export class Assumed {
  private readonly shown = new Map<string, string>()
  private readonly sentences = new Set<string>()

  /** Stands for something unknown. */
  token(what: string): string {
    const token = `%${what.replaceAll(/[^A-Za-z0-9.]+/g, '-')}%`
    this.shown.set(token, `<${what}>`)
    return token
  }

  /** From now on `text` is shown as `shown`. */
  stands(text: string, shown: string): void {
    this.shown.set(text, shown)
  }

  /** A sentence for whoever reads the plan. */
  say(sentence: string): void {
    this.sentences.add(sentence)
  }

  /** What was recorded, as it is shown. */
  show(text: string): string {
    let shown = text
    for (const [token, what] of this.shown) shown = shown.replaceAll(token, what)
    return shown
  }

  get all(): readonly string[] {
    return [...this.sentences]
  }
}

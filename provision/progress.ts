/** What provisioning tells while it works: a line per event, and on a terminal one live line per hypervisor. */

export interface Progress {
  /** An event, told once. */
  say(host: string, text: string): void
  /** How far a long step is; `fraction` from 0 to 1. */
  update(host: string, text: string, fraction: number): void
  /** Takes live lines off the terminal, for somebody else to write there. */
  finish?(): void
}

/** Plain lines: events, and a long step at each quarter. */
export function plainProgress(log: (line: string) => void): Progress {
  const told = new Map<string, number>()
  return {
    say: (host, text) => log(`${host}: ${text}`),
    update(host, text, fraction) {
      const quarter = Math.floor(fraction * 4)
      const key = `${host} ${text}`
      if (quarter === 0 || quarter === told.get(key)) return
      told.set(key, quarter)
      log(`${host}: ${text}: ${quarter * 25} %`)
    },
  }
}

/** A terminal: long steps are drawn over below the events. */
export function liveProgress(stream: NodeJS.WriteStream): Progress & Disposable {
  const live = new Map<string, string>()
  let drawn = 0
  const draw = (event?: string): void => {
    const clear = drawn > 0 ? `\u001b[${drawn}F\u001b[0J` : ''
    const width = Math.max(20, (stream.columns || 80) - 1)
    const lines = [...live.values()].map((line) => `${line.slice(0, width)}\n`)
    stream.write(clear + (event === undefined ? '' : `${event}\n`) + lines.join(''))
    drawn = lines.length
  }
  const finish = (): void => {
    live.clear()
    draw()
  }
  return {
    say: (host, text) => {
      live.delete(host)
      draw(`${host}: ${text}`)
    },
    update(host, text, fraction) {
      const filled = Math.round(fraction * 24)
      const bar = '█'.repeat(filled) + '░'.repeat(24 - filled)
      const line = `${host}: ${text} ${bar} ${Math.round(fraction * 100)} %`
      if (live.get(host) === line) return
      live.set(host, line)
      draw()
    },
    finish,
    [Symbol.dispose]: finish,
  }
}

/** `231 MiB`. */
export function mebibytes(bytes: number): string {
  return bytes < 10 * 1024 * 1024
    ? `${(bytes / 1024 / 1024).toFixed(1)} MiB`
    : `${Math.round(bytes / 1024 / 1024)} MiB`
}

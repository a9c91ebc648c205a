/** Asks a person for a secret at the terminal that this process has, whatever its standard streams are; nothing is echoed. */
import { constants, openSync, writeSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import { UsageError } from './errors.ts'

const keys = { interrupt: '\u0003', end: '\u0004', eraseLine: '\u0015' } as const

/** What was typed until Enter; undefined where there is no terminal. @throws UsageError after Ctrl-C or Ctrl-D */
export async function askSecret(question: string): Promise<string | undefined> {
  const fd = openTerminal()
  if (fd === undefined) return undefined
  const terminal = new ReadStream(fd)
  try {
    terminal.setRawMode(true)
    writeSync(fd, `${question}: `)
    return await untilEnter(terminal)
  } finally {
    terminal.setRawMode(false)
    writeSync(fd, '\r\n')
    terminal.destroy()
  }
}

function openTerminal(): number | undefined {
  try {
    return openSync('/dev/tty', constants.O_RDWR | constants.O_NOCTTY)
  } catch {
    return undefined // nobody is there to be asked: the caller says what to do instead
  }
}

function untilEnter(terminal: ReadStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed = ''
    const gone = (): void => reject(new UsageError('the terminal was closed before a passphrase was typed'))
    terminal.setEncoding('utf8')
    terminal.once('error', gone)
    terminal.once('end', gone)
    terminal.on('data', (chunk: string) => {
      for (const key of chunk) {
        if (key === '\r' || key === '\n') return resolve(typed)
        if (key === keys.interrupt || key === keys.end) {
          return reject(new UsageError('no passphrase was typed: nothing was done'))
        }
        if (key === '\u007f' || key === '\b') typed = [...typed].slice(0, -1).join('')
        else if (key === keys.eraseLine) typed = ''
        else typed += key
      }
    })
  })
}

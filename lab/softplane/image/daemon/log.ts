/** Log lines in the two forms that dpservice writes to stdout. */

export type LogFormat = 'text' | 'json'
export type LogLevel = 'ERROR' | 'WARNING' | 'INFO'
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void

export function createLog(format: LogFormat): Log {
  return (level, message, fields = {}) => {
    const timestamp = new Date().toISOString().replace('T', ' ').replace('Z', '')
    process.stdout.write(
      format === 'json'
        ? `${JSON.stringify({ ts: timestamp, level, type: 'SERVICE', msg: message, ...fields })}\n`
        : `${timestamp} ${level} SERVICE: ${message}${textFields(fields)}\n`,
    )
  }
}

function textFields(fields: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(fields).map(([name, value]) => `${name}: ${String(value)}`)
  return parts.length > 0 ? ` [${parts.join(', ')}]` : ''
}

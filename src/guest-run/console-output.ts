/** The script's output as the console had it, for a run that ended before the script could send it. */
export function outputOfConsole(lines: readonly string[]): readonly string[] {
  const begin = lines.findIndex((line) => line.startsWith('dpbench: the script begins'))
  if (begin < 0) return []
  const rest = lines.slice(begin + 1)
  const end = rest.findIndex((line) => line.startsWith('dpbench: the script has ended'))
  return end < 0 ? rest : rest.slice(0, end)
}

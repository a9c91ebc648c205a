/** A new group: a pair that works, the four hooks, and a page that says what they are. */
import { existsSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { UsageError } from '../core/errors.ts'
import { hookNames } from './group.ts'

const local = `#!/bin/bash

echo "Local program, on $DPBENCH_LOCAL; the remote one runs on $REMOTE_HOST"
wait_for_remote
#wait_for_remote_port_open 5000
#kill_remote
`
const remote = `#!/bin/bash

echo "Remote program, on $DPBENCH_REMOTE"
sleep 2
`

/** Makes it and returns the files' paths. @throws UsageError when the name is none, or something is there */
export async function scaffold(folder: string): Promise<string[]> {
  const name = basename(folder)
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
    throw new UsageError(
      `"${name}" is no name for a group: use letters, digits, '.', '_' and '-'; scripts have it in their paths`,
    )
  if (existsSync(folder)) throw new UsageError(`${folder} is there already: choose another name`)
  const files: Record<string, string> = {
    'README.md': readme(name),
    'local/local_test': local,
    'remote/remote_test': remote,
    ...Object.fromEntries(hookNames.map((hook) => [hook, hookScript(hook)])),
  }
  const written: string[] = []
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
    if (content.startsWith('#!')) await chmod(file, 0o755)
    written.push(file)
  }
  return written
}

function hookScript(hook: string): string {
  const [, when, side] = /^(before_first|after_last)_test_(local|remote)$/.exec(hook) ?? []
  const text = when === 'before_first' ? 'before the first pair' : 'after the last pair, in the results'
  return `#!/bin/bash\n\necho "This runs on the ${side} machine, ${text}"\n`
}

function readme(name: string): string {
  return `# ${name}

Every executable in \`local/\` runs with every executable in \`remote/\`:

    dpbench pairs ${name} --local vm3 --remote vm1

Each program runs in an empty folder of its own, and what it writes there comes back to
\`results/<tag>/${name}/<local>_x_<remote>/\`. Take a program out by \`chmod -x\`.
`
}

/**
 * Renders the two templates. Templates are code (nunjucks reaches constructors), so a name is looked for in the config's
 * own folder and among dpbench's own templates, nowhere else.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import nunjucks from 'nunjucks'
import { UsageError, DpbenchError, describeError } from '../src/core/errors.ts'

export const ownTemplates = path.join(import.meta.dirname, 'templates')

export interface Template {
  readonly file: string
  readonly text: string
}

/**
 * @param option the option that named it, for the error.
 * @throws UsageError when there is no such template.
 */
export async function loadTemplate(
  name: string | undefined,
  usual: string,
  configFolder: string,
  option: string,
): Promise<Template> {
  if (name === undefined) return read(path.join(ownTemplates, usual))
  if (path.basename(name) !== name || name === '' || name.startsWith('.')) {
    throw new UsageError(
      `${option} ${name}: give the name of a template in the config's folder ${configFolder}, not a path.`,
    )
  }
  for (const folder of [configFolder, ownTemplates]) {
    try {
      return await read(path.join(folder, name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue
      throw new UsageError(
        `${option} ${name}: ${path.join(folder, name)} cannot be read: ${describeError(error)}`,
        {
          cause: error,
        },
      )
    }
  }
  throw new UsageError(
    `${option} ${name}: there is no such template in ${configFolder}, nor does dpbench bring one of that name.`,
  )
}

async function read(file: string): Promise<Template> {
  return { file, text: await readFile(file, 'utf8') }
}

/**
 * Renders with an environment of its own: no loader, so a template includes nothing; an undefined value is an error.
 * @throws DpbenchError naming the template.
 */
export function render(template: Template, context: object, escape: 'xml' | 'none'): string {
  const environment = new nunjucks.Environment(null, {
    autoescape: escape === 'xml',
    throwOnUndefined: true,
    trimBlocks: true,
    lstripBlocks: true,
  })
  try {
    return environment.renderString(template.text, context)
  } catch (error) {
    // nunjucks repeats "(unknown path)" per level; its last line is the fault
    const reason = String(error instanceof Error ? error.message : error)
      .trim()
      .split('\n')
      .at(-1)
      ?.trim()
    throw new DpbenchError(`the template ${template.file} cannot be rendered: ${reason}`, { cause: error })
  }
}

/** `npm run schema`: writes config/schema.json and docs/configuration.md anew from the zod schema. */
import { writeFile } from 'node:fs/promises'
import { configJsonSchema } from './json-schema.ts'
import { configDocs } from './schema-docs.ts'

const root = new URL('../../', import.meta.url)
await writeFile(new URL('config/schema.json', root), configJsonSchema())
await writeFile(new URL('docs/configuration.md', root), configDocs())

/** `npm run schema`: writes config/schema.json anew from the zod schema. */
import { writeFile } from 'node:fs/promises'
import { configJsonSchema } from './json-schema.ts'

await writeFile(new URL('../../config/schema.json', import.meta.url), configJsonSchema())

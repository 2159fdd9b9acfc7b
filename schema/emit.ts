import { writeFileSync } from 'node:fs';
import { printSchema } from 'graphql';
import { schema } from './index.ts';

/** `npm run schema`: writes the admin API down, so that a change of it shows in a diff. */
writeFileSync(new URL('./schema.graphql', import.meta.url), `${printSchema(schema)}\n`);

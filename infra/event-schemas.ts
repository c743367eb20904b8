/** Writes the JSON Schemas of the governor's own events: `npm run docs:events`. A test says when they are out of date. */
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { eventSchemas } from '../domain/events/event-schemas.ts';

const folder = fileURLToPath(new URL('../docs/events/', import.meta.url));
await mkdir(folder, { recursive: true });
for (const [name, schema] of Object.entries(eventSchemas()))
  await writeFile(`${folder}${name}`, `${JSON.stringify(schema, null, 2)}\n`);

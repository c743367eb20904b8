/** Writes docs/policy-keys.md: `npm run docs:policy`. */
import { writeFile } from 'node:fs/promises';
import { policyJsonSchema } from '../domain/policy/policy-schema.ts';
import { policyDocument } from './policy-document.ts';

await writeFile(new URL('../docs/policy-keys.md', import.meta.url), policyDocument(policyJsonSchema()));

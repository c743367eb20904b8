/** Writes docs/commands.md: `npm run docs:commands`. */
import { writeFile } from 'node:fs/promises';
import { commandsDocument } from './documentation.ts';
import { governorProgram } from './program.ts';

await writeFile(new URL('../docs/commands.md', import.meta.url), commandsDocument(governorProgram('governor')));

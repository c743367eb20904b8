#!/usr/bin/env node
// `governor` in the path, after `npm link`: the program is TypeScript, and runs as `npm run governor` runs it.
import { register } from 'tsx/esm/api';

register();
await import('./governor.ts');

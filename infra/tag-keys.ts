import { readFile } from 'node:fs/promises';
import * as yaml from 'yaml';
import { readPolicy } from '../domain/policy/policy.ts';
import { mendedKeys } from '../domain/policy/tag-keys.ts';
import { STANDING_TAG } from '../domain/tags.ts';

/**
 * The tag keys that a policy file lets the governor mend, for the roles of the stack.
 *
 * @throws an Error with every problem of the file
 */
export async function mendedKeysOfFile(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`--policy: ${path} cannot be read (${error.code ?? error.message})`);
  });
  const reading = readPolicy(documentOf(path, text));
  if (reading.kind === 'valid') return mendedKeys(reading.policy.tags);
  throw new Error(reading.problems.map(({ place, message }) => `${path}: ${place}: ${message}`).join('\n'));
}

function documentOf(path: string, text: string): unknown {
  try {
    return yaml.parse(text);
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : error}`);
  }
}

/** What `infra/resources/` reads the keys from when osls packages. */
export const tagKeysFile = (mended: readonly string[]): string =>
  JSON.stringify({ mayTag: [STANDING_TAG, ...mended], mended: JSON.stringify(mended) });

import { STANDING_TAG } from '../domain/tags.ts';

/** What `infra/resources/` reads the keys from when osls packages. */
export const tagKeysFile = (mended: readonly string[]): string =>
  JSON.stringify({ mayTag: [STANDING_TAG, ...mended], mended: JSON.stringify(mended) });

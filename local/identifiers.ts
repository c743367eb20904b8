import { createHash } from 'node:crypto';

/** Identifiers that look random and are the same in every run with the same seed. */
export interface Identifiers {
  /** In the form of a UUID of version 4. */
  uuid(): string;
  /** Lower-case letters and digits, at most 32 of them. */
  alphanumeric(length: number): string;
}

export function createIdentifiers(seed: string): Identifiers {
  let drawn = 0;
  const draw = () => createHash('sha256').update(`${seed}/${drawn++}`).digest();
  return {
    uuid() {
      const hex = draw().toString('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
    },
    alphanumeric(length) {
      return [...draw().subarray(0, length)].map((byte) => (byte % 36).toString(36)).join('');
    },
  };
}

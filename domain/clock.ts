import type { Brand } from './brand.ts';

/** Milliseconds since the Unix epoch, UTC. */
export type EpochMs = Brand<number, 'EpochMs'>;

export const epochMs = (value: number): EpochMs => value as EpochMs;

/** Where time comes from. Nothing in domain/ reads the machine's clock. */
export interface Clock {
  now(): EpochMs;
}

/** For people: minutes suffice, and the zone is said. */
export const shortTime = (at: EpochMs): string => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

export const isoTime = (at: EpochMs): string => new Date(at).toISOString();

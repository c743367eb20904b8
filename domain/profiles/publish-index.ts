import type { Clock, EpochMs } from '../clock.ts';
import type { Journal } from '../journal.ts';
import type { IndexReading, WithheldProfile } from './index-source.ts';
import type { ProfileIndex } from './profile-index.ts';

/** A copy of the index where helpers and functions find it that cannot reach the table. One writer: the sweep. */
export interface PublishedIndex {
  publish(reading: IndexReading, now: EpochMs): Promise<'written' | 'unchanged'>;
}

/**
 * Publishes the index as it is. That it cannot be published stops nothing: the copy that is there stays, and tells its age.
 * @returns what was read; undefined where that failed
 */
export async function publishIndex(ports: {
  readonly index: Pick<ProfileIndex, 'list'>;
  readonly published: PublishedIndex;
  readonly clock: Clock;
  readonly journal: Journal;
}): Promise<IndexReading | undefined> {
  let reading: IndexReading | undefined;
  try {
    const withheld: WithheldProfile[] = [];
    const entries = await ports.index.list((arn) => withheld.push({ arn, why: 'unreadable' }));
    reading = { entries, withheld };
    if ((await ports.published.publish(reading, ports.clock.now())) === 'written')
      ports.journal.decided('publish index', {
        profiles: entries.length,
        because: 'it says something new, or an hour has passed',
      });
  } catch (error) {
    ports.journal.counted('IndexPublicationFailed', { error: error instanceof Error ? error.message : String(error) });
  }
  return reading;
}

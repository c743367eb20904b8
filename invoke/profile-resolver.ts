import type { Clock } from '../domain/clock.ts';
import { describeViolation } from '../domain/profiles/compliance.ts';
import { parseProfileArn } from '../domain/profiles/profile-arn.ts';
import { describeEntry, findProfile, type IndexEntry, type ProfileIndex } from '../domain/profiles/profile-index.ts';
import { describeTags, type Tags, tagValue } from '../domain/tags.ts';
import { GovernorRefusal } from './refusals.ts';

/** How long an answer of the index serves before it is asked again. */
const FRESH_MS = 30_000;
/** A refusal is checked against an index no older than this: a profile that was just made or mended is found. */
const RECHECK_MS = 2_000;

/**
 * Finds the profile for a model and tags in the index, read once for all callers: one read in flight at a time, kept for
 * {@link FRESH_MS}, served while it is read again, and kept when reading fails. A failure is never kept as an answer.
 */
export class ProfileResolver {
  readonly #index: Pick<ProfileIndex, 'list'>;
  readonly #clock: Clock;
  readonly #region: string | undefined;
  #entries: readonly IndexEntry[] | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<readonly IndexEntry[]> | undefined;

  constructor(options: { index: Pick<ProfileIndex, 'list'>; clock: Clock; region: string | undefined }) {
    this.#index = options.index;
    this.#clock = options.clock;
    this.#region = options.region;
  }

  /** @throws {GovernorRefusal} that says what was looked for and what is near */
  async resolve(modelId: string, tags: Tags): Promise<IndexEntry> {
    const served = await this.#serve();
    const first = judge(served, modelId, tags, this.#region);
    if (!(first instanceof GovernorRefusal)) return first;
    if (this.#clock.now() - this.#readAt < RECHECK_MS) throw first;
    // Should that fail, the last good answer stays: here, that there is no such profile.
    const entries = await this.#read().catch(() => served);
    const second = judge(entries, modelId, tags, this.#region);
    if (second instanceof GovernorRefusal) throw second;
    return second;
  }

  async #serve(): Promise<readonly IndexEntry[]> {
    if (this.#entries === undefined) return await this.#read();
    // Served stale while it is read again; should that fail, the last good answer stays and the next call tries anew.
    if (this.#clock.now() - this.#readAt >= FRESH_MS) this.#read().catch(() => {});
    return this.#entries;
  }

  #read(): Promise<readonly IndexEntry[]> {
    this.#reading ??= this.#index
      .list()
      .then((entries) => {
        this.#entries = entries;
        this.#readAt = this.#clock.now();
        return entries;
      })
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }
}

function judge(
  entries: readonly IndexEntry[],
  modelId: string,
  tags: Tags,
  region: string | undefined,
): IndexEntry | GovernorRefusal {
  const found = modelId.includes(':application-inference-profile/')
    ? byArn(entries, modelId, tags)
    : byTags(entries, modelId, tags, region);
  if (found instanceof GovernorRefusal) return found;
  const quarantine =
    found.standing.state !== 'open' ? found.standing.reasons.find((reason) => reason.kind === 'quarantine') : undefined;
  if (quarantine === undefined) return found;
  return new GovernorRefusal(
    'ProfileQuarantined',
    `Profile ${found.name} is quarantined: ${quarantine.violations.map(describeViolation).join('; ')}. Ask its owner to correct its tags; it is released within minutes.`,
  );
}

function byArn(entries: readonly IndexEntry[], modelId: string, tags: Tags): IndexEntry | GovernorRefusal {
  const arn = parseProfileArn(modelId);
  const entry = entries.find((candidate) => candidate.arn === arn && candidate.endedAt === undefined);
  if (entry === undefined)
    return new GovernorRefusal(
      'ProfileNotFound',
      `Profile ${modelId} is not in the governor's index. Name a model and tags instead, or check that its Region is governed.`,
    );
  const other = Object.entries(tags).filter(([key, value]) => tagValue(entry.tags, key) !== value);
  if (other.length === 0) return entry;
  return new GovernorRefusal(
    'TenantMismatch',
    `Profile ${entry.name} does not carry ${describeTags(Object.fromEntries(other))}, to which this governor is bound. A caller may only use profiles of its own tags.`,
  );
}

function byTags(
  entries: readonly IndexEntry[],
  modelId: string,
  tags: Tags,
  region: string | undefined,
): IndexEntry | GovernorRefusal {
  const lookup = findProfile(entries, { modelId, tags, ...(region === undefined ? {} : { region }) });
  const wanted = `model ${modelId}, ${describeTags(tags) || 'no tags'}${region === undefined ? '' : `, in ${region}`}`;
  switch (lookup.kind) {
    case 'found':
      return lookup.entry;
    case 'none': {
      const near = lookup.near.length === 0 ? '' : ` Near: ${lookup.near.map(describeEntry).join('; ')}.`;
      return new GovernorRefusal(
        'ProfileNotFound',
        `No application inference profile matches ${wanted}.${near} Create one, or name the tags of one that exists.`,
      );
    }
    case 'several':
      return new GovernorRefusal(
        'SeveralProfiles',
        `Several profiles match ${wanted}: ${lookup.entries.map(describeEntry).join('; ')}. Name one more tag that tells them apart.`,
      );
  }
}

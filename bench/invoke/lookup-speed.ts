import type { IndexEntry } from '../../domain/profiles/profile-index.ts';
import { ProfileLookup } from '../../domain/profiles/profile-lookup.ts';
import { readModelId } from '../../domain/profiles/wanted-model.ts';
import type { Tags } from '../../domain/tags.ts';
import { figure, median, note } from '../figures.ts';
import { MODEL, REGION } from './profiles.ts';

const QUERIES = [
  { name: 'lookup_speedup_1tag', inARow: 500, atLeast: 500, tags: (n: number): Tags => ({ tenant: `tenant-${n}` }) },
  {
    name: 'lookup_speedup_4tags',
    inARow: 200,
    atLeast: 150,
    tags: (n: number): Tags => ({
      unit: `unit-${n % 7}`,
      stage: ['dev', 'test', 'prod'][n % 3] ?? '',
      team: `team-${n % 997}`,
      tenant: `tenant-${n}`,
    }),
  },
  {
    name: 'lookup_speedup_3broad',
    inARow: 20,
    atLeast: 30,
    tags: (n: number): Tags => ({
      app: `app-${n % 10}`,
      stage: ['dev', 'test', 'prod'][n % 3] ?? '',
      unit: `unit-${n % 7}`,
    }),
  },
];

/** How much faster than a loop over all profiles the index finds those of a model, Region and tags. */
export function lookupSpeed(entries: readonly IndexEntry[], rounds: number): void {
  const lookup = ProfileLookup.of(entries);
  const model = readModelId(MODEL);
  if (model.kind !== 'model') throw new Error(`${MODEL} is a model`);
  for (const { name, inARow, atLeast, tags } of QUERIES) {
    const ours: number[] = [];
    const loop: number[] = [];
    for (let round = -5; round < rounds; round++) {
      const first = Math.floor(Math.random() * entries.length);
      const asked = Array.from({ length: inARow }, (_, i) => tags((first + i * 7_919) % entries.length));
      const began = process.hrtime.bigint();
      const found = asked.map((wanted) => lookup.find({ model, tags: wanted, region: REGION }));
      const between = process.hrtime.bigint();
      const inLoop = allInLoop(entries, asked[0] ?? {});
      const ended = process.hrtime.bigint();
      const [result] = found;
      const count = result?.kind === 'several' ? result.count : result?.kind === 'found' ? 1 : 0;
      if (inLoop.length !== count) throw new Error(`the loop finds ${inLoop.length} profiles, the index ${count}`);
      if (round < 0) continue;
      ours.push(Number(between - began) / inARow);
      loop.push(Number(ended - between));
    }
    note(
      `${name}: ${(median(ours) / 1_000).toFixed(2)} µs, a loop over ${entries.length} profiles ${(median(loop) / 1_000).toFixed(0)} µs; medians of ${rounds}`,
    );
    figure(name, median(loop) / median(ours), { atLeast });
  }
}

/** What one writes first: look at each profile, at the tags only where the model is right. */
function allInLoop(entries: readonly IndexEntry[], tags: Tags): IndexEntry[] {
  const wanted = Object.entries(tags);
  const found: IndexEntry[] = [];
  for (const entry of entries) {
    if (entry.endedAt !== undefined || entry.baseModelId !== MODEL || entry.region !== REGION) continue;
    if (wanted.every(([key, value]) => entry.tags[key] === value)) found.push(entry);
  }
  return found;
}

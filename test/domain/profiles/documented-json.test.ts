import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readIndexDocument } from '../../../aws/index-document.ts';
import { IndexEntryReader } from '../../../domain/profiles/index-entry-document.ts';
import { readProfilesAnswer, readResolverRequest } from '../../../domain/profiles/resolver-protocol.ts';

const text = readFileSync(new URL('../../../docs/index-sources.md', import.meta.url), 'utf8');
const blocks = [...text.matchAll(/```json\n(.*?)```/gs)].map(
  ([, json = '']) => JSON.parse(json) as Record<string, unknown>,
);

it('docs/index-sources.md shows requests, answers and documents that are read', () => {
  const requests = blocks.filter((block) => 'modelId' in block || 'list' in block);
  expect(requests).toHaveLength(2);
  for (const request of requests) expect(readResolverRequest(request)).toEqual({ request });
  const [document] = blocks.filter((block) => 'entries' in block);
  const reading = readIndexDocument(JSON.stringify(document), 'the docs', new IndexEntryReader());
  expect(reading).toMatchObject({ entries: [{ name: 'acme-chat' }], withheld: [] });
  const [list] = blocks.filter(({ kind }) => kind === 'profiles');
  expect(readProfilesAnswer(list)).toMatchObject({ documents: [], rest: { withheld: [] } });
});

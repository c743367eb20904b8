import { ListTagsForResourceCommand, paginateListInferenceProfiles } from '@aws-sdk/client-bedrock';
import { ledgerTable } from '../../aws/dynamodb/ledger-table.ts';
import { profileIndexTable } from '../../aws/dynamodb/profile-index-table.ts';
import { epochMs } from '../../domain/clock.ts';
import { formatUsd, nanoUsd } from '../../domain/money.ts';
import { periodAt } from '../../domain/period.ts';
import { parseProfileArn } from '../../domain/profiles/profile-arn.ts';
import { left, spent } from '../../domain/spending/ledger.ts';
import { describeTags, STANDING_TAG } from '../../domain/tags.ts';
import type { Row } from '../timeline.ts';
import type { Deployment } from './boot.ts';

/** Every profile with its tags, standing and budgets, read back from AWS: one row for each budget that covers it. */
export async function overview({ aws, bedrock, dynamodb, table }: Deployment): Promise<Row[]> {
  const index = profileIndexTable(dynamodb, table);
  const ledger = ledgerTable(dynamodb, table);
  const now = epochMs(aws.clock.now());
  const rows: Row[] = [];
  for await (const page of paginateListInferenceProfiles({ client: bedrock }, { typeEquals: 'APPLICATION' })) {
    for (const { inferenceProfileArn, inferenceProfileName: profile = '' } of page.inferenceProfileSummaries ?? []) {
      const { tags: list = [] } = await bedrock.send(
        new ListTagsForResourceCommand({ resourceARN: inferenceProfileArn }),
      );
      const all = Object.fromEntries(list.map(({ key = '', value = '' }) => [key, value]));
      const { [STANDING_TAG]: standing = 'open', ...own } = all;
      const tags = describeTags(own);
      const arn = parseProfileArn(inferenceProfileArn ?? '');
      const entry = arn && (await index.get(arn));
      const budgets = await Promise.all(
        (entry?.budgets ?? []).map(async ({ id, period, timeZone }) => ({
          id,
          item: await ledger.read({ budget: id, period: periodAt(period, timeZone, now).id }),
        })),
      );
      const usd = (amount: bigint) => formatUsd(nanoUsd((amount / 10_000n) * 10_000n));
      const cells = budgets.map(({ id, item }) => ({
        budget: id,
        spent: item ? usd(spent(item)) : '',
        left: item ? usd(left(item, now)) : '',
      }));
      const [first = { budget: 'none', spent: '', left: '' }, ...others] = cells;
      rows.push(
        { profile, tags, standing, ...first },
        ...others.map((cell) => ({ profile: '', tags: '', standing: '', ...cell })),
      );
    }
  }
  return rows;
}

import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BedrockClient, CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { bedrockProfiles } from '../../aws/bedrock-profiles.ts';
import { ledgerTable } from '../../aws/dynamodb/ledger-table.ts';
import { profileIndexTable } from '../../aws/dynamodb/profile-index-table.ts';
import { tableIdentities } from '../../aws/dynamodb/recovery-table.ts';
import { genaiPrices } from '../../aws/price-list.ts';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import { periodAt } from '../../domain/period.ts';
import { parseProfileArn, regionOf } from '../../domain/profiles/profile-arn.ts';
import { OPEN } from '../../domain/standing/standing.ts';
import { buildHelperPackage } from '../../infra/publish/build.ts';
import type { EmbeddedAws } from '../../local/embedded-aws.ts';
import { clientConfig } from '../../test/aws/client-config.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from '../../test/aws/dynamodb/governor-table.ts';

/** Of the tenant's one profile. */
export const MODEL = 'amazon.nova-lite-v1:0';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Times its steps from its first line on: when everything is imported, and when the first answer is there. */
const program = (governed: boolean): string => `
const started = performance.now();
const { BedrockRuntimeClient, ConverseCommand } = await import('@aws-sdk/client-bedrock-runtime');
${governed ? "const { costGovernor } = await import('bedrock-cost-governor');" : ''}
const imported = performance.now();
const client = new BedrockRuntimeClient();
${governed ? `client.middlewareStack.use(costGovernor({ table: '${TABLE}', tags: { tenant: 'acme' } }));` : ''}
const messages = [{ role: 'user', content: [{ text: 'Hello' }] }];
const modelId = ${governed ? `'${MODEL}'` : 'process.argv[2]'};
await client.send(new ConverseCommand({ modelId, messages, inferenceConfig: { maxTokens: 100 } }));
const ready = performance.now();
console.log(JSON.stringify({ importMs: imported - started, readyMs: ready - started }));
process.exit();
`;

export interface TenantProject {
  /** A program with the helper, and one that calls the same profile with the SDK alone. */
  readonly governed: string;
  readonly alone: string;
  readonly profileArn: string;
  /** Puts the ledger as the first process found it: one that is killed leaves its lease there until it is reclaimed. */
  restoreLedger(): Promise<void>;
  remove(): Promise<void>;
}

/** A folder in which the built helper is installed beside the SDK, and a governed profile for it in the account. */
export async function tenantProject(aws: EmbeddedAws): Promise<TenantProject> {
  const folder = await mkdtemp(join(tmpdir(), 'governor-load-'));
  const modules = join(folder, 'node_modules');
  await mkdir(modules);
  await buildHelperPackage(join(modules, 'bedrock-cost-governor'));
  for (const scope of ['@aws-sdk', '@smithy']) await symlink(join(ROOT, 'node_modules', scope), join(modules, scope));
  const governed = join(folder, 'governed.mjs');
  const alone = join(folder, 'alone.mjs');
  await writeFile(governed, program(true));
  await writeFile(alone, program(false));
  const { profileArn, restoreLedger } = await provideProfile(aws);
  return { governed, alone, profileArn, restoreLedger, remove: () => rm(folder, { recursive: true }) };
}

async function provideProfile(aws: EmbeddedAws): Promise<Pick<TenantProject, 'profileArn' | 'restoreLedger'>> {
  const bedrock = new BedrockClient(clientConfig(aws));
  const dynamodb = dynamoDbClient(aws);
  await createGovernorTable(dynamodb);
  const tags = { tenant: 'acme' };
  const { inferenceProfileArn } = await bedrock.send(
    new CreateInferenceProfileCommand({
      inferenceProfileName: 'acme',
      modelSource: { copyFrom: `arn:aws:bedrock:us-east-1::foundation-model/${MODEL}` },
      tags: [{ key: 'tenant', value: 'acme' }],
    }),
  );
  const arn = parseProfileArn(z.string().parse(inferenceProfileArn));
  const facts = arn === undefined ? undefined : await bedrockProfiles(() => bedrock).read(arn);
  if (facts === undefined) throw new Error('the profile has just been made');
  const now = epochMs(aws.clock.now());
  const budget = { id: 'acme' as BudgetId, period: 'month', timeZone: 'UTC' } as const;
  const { id: period, startsAt, endsAt } = periodAt(budget.period, budget.timeZone, now);
  const limit = nanoUsd(1_000_000_000_000n);
  await ledgerTable(dynamodb, TABLE).provide({
    key: { budget: budget.id, period },
    startsAt,
    endsAt,
    terms: { limit, stopAt: limit, standing: 'open', version: 1 },
  });
  // As `ledger-watch` does each minute.
  const identities = tableIdentities(dynamodb, TABLE);
  await identities.vouch({ tableId: (await identities.describe()).tableId, at: now });
  await profileIndexTable(dynamodb, TABLE).put({
    ...facts,
    region: regionOf(facts.arn),
    tags,
    standing: OPEN,
    budgets: [budget],
    verifiedAt: now,
    ...genaiPrices.ratesOf({ ...facts, at: now }),
  });
  const key = { pk: { S: `LEDGER#${budget.id}` }, sk: { S: period } };
  const { Item } = await dynamodb.send(new GetItemCommand({ TableName: TABLE, Key: key }));
  return {
    profileArn: facts.arn,
    async restoreLedger() {
      await dynamodb.send(new PutItemCommand({ TableName: TABLE, Item }));
    },
  };
}

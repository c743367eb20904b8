import { setTimeout as wait } from 'node:timers/promises';
import { BedrockClient } from '@aws-sdk/client-bedrock';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SSMClient } from '@aws-sdk/client-ssm';
import { AwsClock } from '../../aws/aws-clock.ts';
import { bedrockProfileMaker } from '../../aws/bedrock-profile-maker.ts';
import { bedrockProfiles } from '../../aws/bedrock-profiles.ts';
import { ledgerTable } from '../../aws/dynamodb/ledger-table.ts';
import { overridesTable } from '../../aws/dynamodb/overrides-table.ts';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { profileIndexTable } from '../../aws/dynamodb/profile-index-table.ts';
import { signalsTable } from '../../aws/dynamodb/signals-table.ts';
import { usageTable } from '../../aws/dynamodb/usage-table.ts';
import { stackTagKeys } from '../../aws/stack-tag-keys.ts';
import type { WritableTagKeys } from '../../domain/policy/tag-keys.ts';
import type { PlanPorts } from '../../domain/profiles/apply-plan.ts';
import type { Profiles } from '../../domain/profiles/profiles.ts';
import { UsageSince } from '../../domain/spending/recorded-usage.ts';
import type { planStandings } from '../../domain/status/planned-standings.ts';
import { callerOf } from '../caller.ts';

/** The AWS account that the environment names, as any AWS client finds it. */
export interface Account {
  readonly id: string;
  readonly policies: ReturnType<typeof policyTable>;
  /** What the roles of the deployed stack may write. */
  readonly tagKeys: () => Promise<WritableTagKeys>;
  readonly ports: PlanPorts & { readonly profiles: Profiles };
  /** What the budgets and profiles that are there stand by. */
  readonly standings: Parameters<typeof planStandings>[0];
}

/** The SDK slows down by itself when AWS asks for it, and asks again this often. */
const PATIENT = { retryMode: 'adaptive', maxAttempts: 8 } as const;
/** Ten writes a second at most. */
const PACE_MS = 100;

export async function accountOf(table: string): Promise<Account> {
  const { account: id } = await callerOf(PATIENT);
  const clients = new Map<string, BedrockClient>();
  const clientFor = (region: string): BedrockClient => {
    const client = clients.get(region) ?? new BedrockClient({ ...PATIENT, region });
    clients.set(region, client);
    return client;
  };
  const clock = new AwsClock();
  const dynamo = clock.listenTo(new DynamoDBClient(PATIENT));
  return {
    id,
    policies: policyTable(dynamo, table),
    standings: {
      clock,
      index: profileIndexTable(dynamo, table),
      ledger: ledgerTable(dynamo, table),
      overrides: overridesTable(dynamo, table),
      signals: signalsTable(dynamo, table),
      usage: new UsageSince(usageTable(dynamo, table), clock),
    },
    tagKeys: () => stackTagKeys(new SSMClient(PATIENT), table),
    ports: {
      profiles: bedrockProfiles(clientFor),
      maker: bedrockProfileMaker(clientFor, { accountId: id }),
      pace: () => wait(PACE_MS),
    },
  };
}

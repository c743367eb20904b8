import { setTimeout as wait } from 'node:timers/promises';
import { BedrockClient } from '@aws-sdk/client-bedrock';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SSMClient } from '@aws-sdk/client-ssm';
import { bedrockProfileMaker } from '../../aws/bedrock-profile-maker.ts';
import { bedrockProfiles } from '../../aws/bedrock-profiles.ts';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { stackTagKeys } from '../../aws/stack-tag-keys.ts';
import type { WritableTagKeys } from '../../domain/policy/tag-keys.ts';
import type { PlanPorts } from '../../domain/profiles/apply-plan.ts';
import type { Profiles } from '../../domain/profiles/profiles.ts';
import { callerOf } from '../caller.ts';

/** The AWS account that the environment names, as any AWS client finds it. */
export interface Account {
  readonly id: string;
  readonly policies: ReturnType<typeof policyTable>;
  /** What the roles of the deployed stack may write. */
  readonly tagKeys: () => Promise<WritableTagKeys>;
  readonly ports: PlanPorts & { readonly profiles: Profiles };
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
  return {
    id,
    policies: policyTable(new DynamoDBClient(PATIENT), table),
    tagKeys: () => stackTagKeys(new SSMClient(PATIENT), table),
    ports: {
      profiles: bedrockProfiles(clientFor),
      maker: bedrockProfileMaker(clientFor, { accountId: id }),
      pace: () => wait(PACE_MS),
    },
  };
}

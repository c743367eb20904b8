import { BedrockClient } from '@aws-sdk/client-bedrock';
import * as z from 'zod';
import { bedrockProfiles } from '../aws/bedrock-profiles.ts';
import { ledgerReadings } from '../aws/dynamodb/ledger-readings.ts';
import { ledgerTable } from '../aws/dynamodb/ledger-table.ts';
import { openingsTable } from '../aws/dynamodb/openings-table.ts';
import { overridesTable } from '../aws/dynamodb/overrides-table.ts';
import { signalsTable } from '../aws/dynamodb/signals-table.ts';
import { tableLook } from '../aws/dynamodb/table-identity.ts';
import { tagHistoriesTable } from '../aws/dynamodb/tag-histories-table.ts';
import { usageTable } from '../aws/dynamodb/usage-table.ts';
import { BEDROCK_PACE, paceOf } from '../aws/pace.ts';
import { genaiPrices } from '../aws/price-list.ts';
import type { Origins } from '../domain/events/origin.ts';
import type { Delivery } from '../domain/outbox.ts';
import type { StandingEnforcement } from '../domain/profiles/govern-profile.ts';
import type { WriteId } from '../domain/spending/ledger.ts';
import type { LedgerReadings } from '../domain/spending/ledger-readings.ts';
import { UsageSince } from '../domain/spending/recorded-usage.ts';
import { equipment } from './equipment.ts';
import { functionSettings } from './function-settings.ts';
import type { Equipped } from './handler-of.ts';
import { forEachRegion, once } from './made-once.ts';
import { inLambda, type Surroundings } from './surroundings.ts';
import { TellingSettings, telling } from './telling.ts';

/** What a function is told by the stack; see `provider.environment` in infra/serverless.yml. */
const Environment = TellingSettings.extend({
  GOVERNOR_TABLE: z.string().min(3),
  GOVERNOR_BUDGET_ALERTS_TOPIC_ARN: z.string().startsWith('arn:'),
  GOVERNOR_ACCOUNT_ID: z.string().regex(/^\d{12}$/),
  GOVERNOR_INDEX_PARAMETER: z.string().startsWith('/'),
  GOVERNOR_STAGE: z.string().regex(/^[A-Za-z0-9-]{1,40}$/),
  GOVERNOR_REGIONS: z.string().min(1),
  GOVERNOR_PAYER_ACCOUNT_ID: z.string().regex(/^(none|\d{12})$/),
  /** Set by Lambda: the Region of the function. */
  AWS_REGION: z.string().min(1),
});

/** What every answer to a signal about money needs. */
export type Enforcement = StandingEnforcement & {
  readonly stage: string;
  readonly ledgerReadings: LedgerReadings;
  readonly deliveries: readonly Delivery[];
};

/**
 * The adapters that all functions share that follow money: ledger, index, profiles and whom to tell. What one function
 * needs besides is in `infra/functions/`, so that each is bundled with the clients that it uses and no others. Made once for
 * each execution environment.
 */
export function governor(surroundings: Surroundings = inLambda()) {
  const { client, machine } = surroundings;
  const settings = functionSettings(Environment, surroundings.environment);
  const { GOVERNOR_TABLE: table, GOVERNOR_ACCOUNT_ID: accountId, GOVERNOR_STAGE: stage } = settings;
  const { logger, metrics, clock, dynamo, policies, index, journal, identities } = equipment(
    surroundings,
    table,
    stage,
  );
  const bedrockIn = forEachRegion((region) => client(BedrockClient, region));
  const paceIn = forEachRegion(() => paceOf(machine, BEDROCK_PACE));
  const records = usageTable(dynamo, table);
  const look = tableLook(dynamo, table, clock, machine.deadline);
  const told = once(() => telling(surroundings, dynamo, table, clock, settings));

  /**
   * Reads the policy in force, and with it AWS's time, and puts everything together that a use case needs.
   * @param isBelieved whether the table was found to be the one that it was a moment ago: it is looked at otherwise
   */
  const start = async (isBelieved = false): Promise<Enforcement> => ({
    policy: await policies.current(isBelieved),
    stage,
    clock,
    journal,
    profiles: bedrockProfiles(bedrockIn, paceIn),
    index,
    histories: tagHistoriesTable(dynamo, table),
    ledger: ledgerTable(dynamo, table, look),
    ledgerReadings: ledgerReadings(dynamo, table, machine.wait),
    openings: openingsTable(dynamo, table),
    overrides: overridesTable(dynamo, table),
    signals: signalsTable(dynamo, table),
    usage: new UsageSince(records, clock),
    prices: genaiPrices,
    ...told(),
    newWriteId: () => machine.newId() as WriteId,
  });

  const payerAccountId = settings.GOVERNOR_PAYER_ACCOUNT_ID;
  /** Whose events are answered. */
  const origins: Origins = {
    accountId,
    regions: settings.GOVERNOR_REGIONS.split(','),
    homeRegion: settings.AWS_REGION,
    ...(payerAccountId === 'none' ? {} : { payerAccountId }),
  };
  const equipped: Equipped = { logger, metrics, journal };
  return {
    ...equipped,
    surroundings,
    accountId,
    origins,
    start,
    settings,
    clock,
    dynamo,
    table,
    index,
    identities,
    records,
    bedrockIn,
    paceIn,
  };
}

export type Governor = ReturnType<typeof governor>;

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { AwsClock } from '../aws/aws-clock.ts';
import { begun, type StoredDocument, storedEntries } from '../aws/dynamodb/stored-entries.ts';
import { tableLook } from '../aws/dynamodb/table-identity.ts';
import type { TableLook } from '../domain/recovery/table-identity.ts';
import type { CostGovernorConfig } from './config.ts';

/** The governor's table, and the time that its answers tell. */
export interface TableAccess {
  readonly dynamodb: DynamoDBClient;
  readonly clock: AwsClock;
  /** Which table this is, asked for already. */
  readonly look: TableLook;
  /** The profile index, asked for already; absent where it comes from elsewhere. */
  readonly index?: AsyncIterable<StoredDocument>;
}

/**
 * Opens the table, and asks at once for what the first call needs: it is on its way while the rest of the governor is
 * loaded.
 */
export function openTable(config: CostGovernorConfig): TableAccess {
  const { table, region, index, dynamodb = tableClient(region) } = config;
  const clock = new AwsClock();
  clock.listenTo(dynamodb);
  const look = tableLook(dynamodb, table, config.clock ?? clock);
  // It never fails; whoever leases waits for it.
  if (config.ledger === undefined) void look.now();
  return { dynamodb, clock, look, ...(index === undefined ? { index: begun(storedEntries(dynamodb, table)) } : {}) };
}

/** The SDK's own clients wait for as long as the connection stands, and so would every call at a table that is silent. */
const TIME_OUTS = { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true };

const tableClient = (region: string | undefined): DynamoDBClient =>
  new DynamoDBClient({ requestHandler: TIME_OUTS, ...(region === undefined ? {} : { region }) });

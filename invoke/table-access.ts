import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { AwsClock } from '../aws/aws-clock.ts';
import { begun, type HearsVouch, type StoredDocument, storedEntries } from '../aws/dynamodb/stored-entries.ts';
import { tableLook } from '../aws/dynamodb/table-identity.ts';
import type { TableLook } from '../domain/recovery/table-identity.ts';
import type { CostGovernorConfig } from './config.ts';

/** The governor's table, and the time that its answers tell. */
export interface TableAccess {
  readonly dynamodb: DynamoDBClient;
  readonly clock: AwsClock;
  /** Which table this is. */
  readonly look: TableLook;
  /** Is told it with the index. */
  readonly heard: HearsVouch;
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
  const heard: HearsVouch = (word) => look.heard(word);
  const access = { dynamodb, clock, look, heard };
  if (index === undefined) return { ...access, index: begun(storedEntries(dynamodb, table, heard)) };
  // Nobody gives word of the table with another index. This never fails; whoever leases waits for it.
  if (config.ledger === undefined) void look.now();
  return access;
}

/** The SDK's own clients wait for as long as the connection stands, and so would every call at a table that is silent. */
const TIME_OUTS = { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true };

const tableClient = (region: string | undefined): DynamoDBClient =>
  new DynamoDBClient({ requestHandler: TIME_OUTS, ...(region === undefined ? {} : { region }) });

import { DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../../domain/clock.ts';
import type { TableId, TableLook, TableVouch } from '../../domain/recovery/table-identity.ts';
import { type Machine, thisMachine } from '../machine.ts';

/**
 * A restored table is not there under the old one's name within this time: the old one is deleted first, and a restore
 * takes minutes. UNVERIFIED as a bound: DynamoDB gives none.
 */
const FRESH_MS = 60_000;
/**
 * How long the governor's word holds, which it gives each minute. A restored table has the word of the old one, and that is
 * older: what DynamoDB can restore lies minutes back, and a restore takes minutes. UNVERIFIED as a bound.
 */
const VOUCH_MS = 90_000;
/** Calls may wait for money meanwhile. */
const PATIENCE_MS = 1_000;
/** Whoever may not ask, or was not answered, does not ask with every write. */
const ASK_AGAIN_MS = 10_000;

/**
 * Which table is under a name. DynamoDB is asked no more than once a minute, and not at all while the governor's word of it
 * is young. The ledger never waits for DynamoDB's control plane to be well: where it says nothing, it is not told, and what
 * the governor has written into the items decides.
 */
export function tableLook(
  client: DynamoDBClient,
  table: string,
  clock: Clock,
  deadline: Machine['deadline'] = thisMachine.deadline,
): TableLook & { heard(word: TableVouch): void } {
  let asked: Asked | undefined;
  return {
    async now() {
      const at = clock.now();
      if (asked !== undefined && at >= asked.at && at - asked.at < asked.forMs) return await asked.answer;
      const asking: Asked = { at, forMs: FRESH_MS, answer: idOf(client, table, deadline) };
      asked = asking;
      const id = await asking.answer;
      // Where nothing was heard meanwhile.
      if (id === undefined && asked === asking) asked = { ...asking, forMs: ASK_AGAIN_MS, isUnanswered: true };
      return id;
    },

    heard({ tableId, at }) {
      const isFresh = tableId !== '' && clock.now() - at < VOUCH_MS;
      // DynamoDB's own answer is not taken back by an older word.
      if (isFresh && (asked === undefined || asked.isUnanswered === true || at > asked.at))
        asked = { at, forMs: VOUCH_MS, answer: Promise.resolve(tableId) };
    },
  };
}

interface Asked {
  readonly at: number;
  readonly forMs: number;
  readonly answer: Promise<TableId | undefined>;
  /** DynamoDB has not said: any word that is young is better. */
  readonly isUnanswered?: true;
}

async function idOf(
  client: DynamoDBClient,
  table: string,
  deadline: Machine['deadline'],
): Promise<TableId | undefined> {
  try {
    const patience = { abortSignal: deadline(PATIENCE_MS) };
    const { Table } = await client.send(new DescribeTableCommand({ TableName: table }), patience);
    return Table?.TableId as TableId | undefined;
  } catch {
    return undefined;
  }
}

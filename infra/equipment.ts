import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { AwsClock } from '../aws/aws-clock.ts';
import { auditTable } from '../aws/dynamodb/audit-table.ts';
import { policyTable } from '../aws/dynamodb/policy-table.ts';
import { profileIndexTable } from '../aws/dynamodb/profile-index-table.ts';
import { tableIdentities } from '../aws/dynamodb/recovery-table.ts';
import { powertoolsJournal } from '../aws/powertools-journal.ts';
import { steadyClock } from '../aws/steady-clock.ts';
import { AuditingJournal } from '../domain/audit/auditing-journal.ts';
import { refuseRestored } from '../domain/recovery/tend-table.ts';
import type { Surroundings } from './surroundings.ts';

/** What every function is put together from: the table with its clock, policy and index, and where decisions are kept. */
export function equipment({ client, machine, voice }: Surroundings, table: string, stage: string) {
  const { logger, metrics } = voice(stage);
  const clock = new AwsClock(steadyClock(machine.wall, machine.monotonic));
  const dynamo = clock.listenTo(client(DynamoDBClient));
  const policies = policyTable(dynamo, table);
  const index = profileIndexTable(dynamo, table);
  const journal = new AuditingJournal({
    journal: powertoolsJournal(logger, metrics),
    trail: auditTable(dynamo, table, machine.wait),
    clock,
    index,
    // That of the work whose decisions are kept.
    policy: async () => policies.known() ?? (await policies.current()),
  });
  const identities = tableIdentities(dynamo, table);
  return {
    logger,
    metrics,
    clock,
    dynamo,
    policies: {
      /**
       * The policy in force, in a table whose items may be believed.
       * @param isBelieved whether that was found out just now
       * @throws {Fault} `TableRestored` where they may not
       */
      async current(isBelieved = false) {
        const [policy] = await Promise.all([
          policies.current(),
          isBelieved ? Promise.resolve() : refuseRestored(identities),
        ]);
        return policy;
      },
    },
    index,
    journal,
    identities,
  };
}

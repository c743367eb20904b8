import { AwsClock } from '../aws/aws-clock.ts';
import { auditTable } from '../aws/dynamodb/audit-table.ts';
import { policyTable } from '../aws/dynamodb/policy-table.ts';
import { profileIndexTable } from '../aws/dynamodb/profile-index-table.ts';
import { powertoolsJournal } from '../aws/powertools-journal.ts';
import { steadyClock } from '../aws/steady-clock.ts';
import { AuditingJournal } from '../domain/audit/auditing-journal.ts';
import type { Surroundings } from './surroundings.ts';

/** What every function is put together from: the table with its clock, policy and index, and where decisions are kept. */
export function equipment({ clients, machine, voice }: Surroundings, table: string, stage: string) {
  const { logger, metrics } = voice(stage);
  const clock = new AwsClock(steadyClock(machine.wall, machine.monotonic));
  const dynamo = clock.listenTo(clients.dynamodb());
  const policies = policyTable(dynamo, table);
  const index = profileIndexTable(dynamo, table);
  const journal = new AuditingJournal({
    journal: powertoolsJournal(logger, metrics),
    trail: auditTable(dynamo, table, machine.wait),
    clock,
    index,
    policy: () => policies.current(),
  });
  return { logger, metrics, clock, dynamo, policies, index, journal };
}

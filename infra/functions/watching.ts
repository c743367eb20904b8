import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { recoveryTable } from '../../aws/dynamodb/recovery-table.ts';
import { powertoolsGauges } from '../../aws/powertools-journal.ts';
import { leasableItems } from '../../domain/recovery/recover.ts';
import { tendTable } from '../../domain/recovery/tend-table.ts';
import { governor } from '../composition.ts';
import { inLambda, type Surroundings } from '../surroundings.ts';

/** The adapters of the function `ledger-watch`. */
export function watching(surroundings: Surroundings = inLambda()) {
  const base = governor(surroundings);
  const { clock, dynamo, identities, index, journal, table } = base;
  const gauges = powertoolsGauges(base.metrics);
  return {
    ...base,
    start: async (isBelieved: boolean) => ({ ...(await base.start(isBelieved)), gauges }),
    /** Looks whether the table is the one that it was: a new one is remembered, and one that was restored is closed. */
    tendTable: async () =>
      await tendTable({
        identities,
        close: (key) => recoveryTable(dynamo, table).close(key),
        // Entries that cannot be read are no reason to close nothing, nor for saying that all is closed.
        items: async () => {
          let isWhole = true;
          const policy = await policyTable(dynamo, table).current();
          const entries = await index.list((arn) => {
            isWhole = false;
            journal.counted('ProfileReadFailed', {
              what: `the index entry of ${arn}`,
              error: 'written by another version',
            });
          });
          return { keys: leasableItems(policy, entries, clock.now()), isWhole };
        },
        clock,
        journal,
      }),
  };
}

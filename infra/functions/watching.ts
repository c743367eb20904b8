import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { recoveryTable } from '../../aws/dynamodb/recovery-table.ts';
import { powertoolsGauges } from '../../aws/powertools-journal.ts';
import { leasableItems } from '../../domain/recovery/recover.ts';
import { tendTable } from '../../domain/recovery/tend-table.ts';
import { readIndex } from '../../domain/signals/review-on-signal.ts';
import { governor } from '../composition.ts';
import { inLambda, type Surroundings } from '../surroundings.ts';

/** The adapters of the function `ledger-watch`. */
export function watching(surroundings: Surroundings = inLambda()) {
  const base = governor(surroundings);
  const { clock, dynamo, identities, journal, table } = base;
  const gauges = powertoolsGauges(base.metrics);
  return {
    ...base,
    start: async () => ({ ...(await base.start()), gauges }),
    /** Looks whether the table is the one that it was: a new one is remembered, and one that was restored is closed. */
    tendTable: async () =>
      await tendTable({
        identities,
        close: (key) => recoveryTable(dynamo, table).close(key),
        // Without entries that cannot be read: they are no reason to close nothing.
        items: async () =>
          leasableItems(await policyTable(dynamo, table).current(), await readIndex(base), clock.now()),
        clock,
        journal,
      }),
  };
}

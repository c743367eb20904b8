import * as z from 'zod';
import { ledgerReadings } from '../../aws/dynamodb/ledger-readings.ts';
import { paceTable } from '../../aws/dynamodb/pace-table.ts';
import { equipment } from '../equipment.ts';
import { functionSettings } from '../function-settings.ts';
import { once } from '../made-once.ts';
import { inLambda, type Surroundings } from '../surroundings.ts';
import { TellingSettings, telling } from '../telling.ts';

const Environment = TellingSettings.extend({
  GOVERNOR_TABLE: z.string().min(3),
  GOVERNOR_STAGE: z.string().regex(/^[A-Za-z0-9-]{1,40}$/),
});

/** The adapters of the function `outlook`: it reaches neither profiles nor AWS Budgets. */
export function lookingAhead(surroundings: Surroundings = inLambda()) {
  const { environment, machine } = surroundings;
  const settings = functionSettings(Environment, environment);
  const { GOVERNOR_TABLE: table, GOVERNOR_STAGE: stage } = settings;
  const { logger, metrics, clock, dynamo, policies, index, journal } = equipment(surroundings, table, stage);
  const told = once(() => telling(surroundings, dynamo, table, clock, settings));
  const start = async () => ({
    policy: await policies.current(),
    clock,
    journal,
    index,
    ledgerReadings: ledgerReadings(dynamo, table, machine.wait),
    paces: paceTable(dynamo, table),
    ...told(),
  });
  return { logger, metrics, journal, start };
}

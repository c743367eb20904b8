import { usageTable } from '../../aws/dynamodb/usage-table.ts';
import { epochMs } from '../../domain/clock.ts';
import { readRecordedUsage } from '../../domain/spending/recorded-usage.ts';
import { addTotals, HOUR_MS, NO_TOTALS, type UsageTotals } from '../../domain/spending/usage-record.ts';
import { TABLE } from '../aws/dynamodb/governor-table.ts';
import { type GovernedAws, START } from './governed-aws.ts';

/** What all processes have recorded that they used, through all profiles. */
export async function recordedTotals(world: GovernedAws): Promise<UsageTotals> {
  const window = { from: epochMs(START), until: epochMs(world.now + HOUR_MS) };
  const { totals } = await readRecordedUsage(usageTable(world.dynamodb, TABLE), window);
  return [...totals.values()].reduce(addTotals, NO_TOTALS);
}

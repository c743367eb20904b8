import { PricingClient } from '@aws-sdk/client-pricing';
import { awsPriceList } from '../../aws/aws-price-list.ts';
import { genaiPrices } from '../../aws/price-list.ts';
import { epochMs, isoTime } from '../../domain/clock.ts';
import { comparePrices, type PriceComparison, type PriceDifference } from '../../domain/spending/compare-prices.ts';
import { perMillion } from '../../domain/spending/pricing.ts';
import { print, printJson } from '../output/print.ts';
import { progress } from '../output/progress.ts';
import { styleOf } from '../output/style.ts';
import { tableOf } from '../output/table.ts';
import type { PolicyFile } from '../policy-file.ts';
import { UserError } from '../user-error.ts';

export interface PricesOptions {
  readonly of?: readonly string[];
  readonly detailedExitcode?: boolean;
  readonly json?: boolean;
}

/** As `plan --detailed-exitcode` counts it. */
const EXIT_DIFFERENCES = 2;

/** @returns the exit code */
export async function runPricesCheck(options: PricesOptions, file: PolicyFile | undefined): Promise<number> {
  const regions = options.of ?? file?.policy.regions ?? ['us-east-1'];
  for (const region of regions)
    if (!/^[a-z]{2,}(-[a-z]+)+-\d+$/.test(region))
      throw new UserError([`--of: expected a Region such as us-east-1, not "${region}"`]);
  // The price list has endpoints in three Regions; this one is of the partition where Bedrock's prices are kept.
  const published = awsPriceList(new PricingClient({ region: 'us-east-1' }));
  const policy = file?.policy ?? { prices: [], unpricedModels: 'refuse' as const };
  const at = epochMs(Date.now());
  const bar = progress(options);
  const found: { readonly region: string; readonly comparison: PriceComparison }[] = [];
  for (const region of regions) {
    bar.at(`reading the price list of ${region} …`);
    found.push({ region, comparison: await comparePrices({ policy, prices: genaiPrices, published }, region, at) });
  }
  bar.done();
  const differ = found.some(({ comparison }) => comparison.differences.length > 0);
  if (options.json === true)
    printJson({
      type: 'prices',
      at: isoTime(at),
      regions: found.map(({ region, comparison }) => ({
        region,
        ...comparison,
        differences: comparison.differences.map(documentOf),
      })),
    });
  else for (const each of found) tell(each.region, each.comparison);
  return options.detailedExitcode === true && differ ? EXIT_DIFFERENCES : 0;
}

const documentOf = ({ baseModelId, published, kept, ...difference }: PriceDifference): object => ({
  model: baseModelId,
  ...difference,
  publishedUsdPerMillion: perMillion(published),
  keptUsdPerMillion: kept === undefined ? null : perMillion(kept),
});

function tell(region: string, { same, differences, unmapped, unread }: PriceComparison): void {
  const style = styleOf();
  print(style.bold(`${region}: ${same} prices are kept as AWS publishes them, ${differences.length} differ`));
  if (differences.length > 0)
    print(
      tableOf<PriceDifference>(
        [
          { title: 'model', of: ({ baseModelId }) => baseModelId },
          { title: 'served', of: ({ source }) => source },
          { title: 'meter', of: ({ meter }) => meter },
          { title: 'tier', of: ({ tier }) => tier },
          { title: 'context', of: ({ isLongContext }) => (isLongContext ? 'long' : '') },
          { title: 'published', right: true, of: ({ published }) => perMillion(published) },
          { title: 'kept', right: true, of: ({ kept }) => (kept === undefined ? 'none' : perMillion(kept)) },
        ],
        differences,
        style,
      ),
    );
  if (differences.length > 0) print('US dollars for a million tokens. How to add a price: docs/prices.md');
  if (unmapped.length > 0) print(`Not compared, because their model id is not known: ${unmapped.join(', ')}`);
  if (unread.length > 0) print(`Not understood: ${unread.join(', ')}`);
}

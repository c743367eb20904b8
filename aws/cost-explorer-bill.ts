import { type CostExplorerClient, GetCostAndUsageCommand, type Group } from '@aws-sdk/client-cost-explorer';
import type { Bill } from '../domain/budgets/check-drift.ts';
import { type BilledDay, endOfDay, type UtcDay, utcDayAt } from '../domain/budgets/drift.ts';
import { Fault } from '../domain/fault.ts';
import { add, type NanoUsd, nanoUsd, ZERO } from '../domain/money.ts';
import { orRefused } from './cost-explorer.ts';
import type { Pace } from './pace.ts';
import { allPages } from './pages.ts';

/**
 * What AWS bills one account for Bedrock, by Cost Explorer. A page costs a US cent; a day is one group for each tenant and
 * service. Services are told apart here, because the filter of GetCostAndUsage knows no patterns: models of other providers
 * are billed as services of their own, such as `Claude Sonnet 4.6 (Amazon Bedrock Edition)`.
 */
export function costExplorerBill(
  client: CostExplorerClient,
  pace: Pick<Pace, 'keep'>,
  { accountId }: { readonly accountId: string },
): Bill {
  return {
    async read(tagKey, { first, last }) {
      const doing = `reading the bill from ${first} to ${last}`;
      return await orRefused(doing, async () => {
        const days = new Map<UtcDay, BilledDay>();
        const pages = allPages(async (NextPageToken) => {
          const page = await pace.keep(() =>
            client.send(
              new GetCostAndUsageCommand({
                TimePeriod: { Start: first, End: utcDayAt(endOfDay(last)) },
                Granularity: 'DAILY',
                Metrics: [METRIC],
                GroupBy: [
                  { Type: 'TAG', Key: tagKey },
                  { Type: 'DIMENSION', Key: 'SERVICE' },
                ],
                // The payer sees all accounts of its organisation, and the index knows the profiles of one.
                Filter: {
                  And: [
                    { Dimensions: { Key: 'RECORD_TYPE', Values: ['Usage'] } },
                    { Dimensions: { Key: 'LINKED_ACCOUNT', Values: [accountId] } },
                  ],
                },
                NextPageToken,
              }),
            ),
          );
          return { ...page, NextToken: page.NextPageToken };
        });
        for await (const page of pages)
          for (const { TimePeriod, Groups = [] } of page.ResultsByTime ?? []) {
            const day = TimePeriod?.Start as UtcDay | undefined;
            if (day !== undefined) days.set(day, withGroups(days.get(day) ?? emptyDay(day), Groups, doing));
          }
        return [...days.values()];
      });
    },
  };
}

const METRIC = 'UnblendedCost';
/** Not AgentCore, which runs agents and is no model call. */
const BEDROCK = /^Amazon Bedrock(?! AgentCore)|\(Amazon Bedrock Edition\)$/;

const emptyDay = (day: UtcDay): BilledDay => ({ day, byTenant: new Map(), unassigned: ZERO, isSilent: true });

function withGroups(before: BilledDay, groups: readonly Group[], doing: string): BilledDay {
  const byTenant = new Map(before.byTenant);
  let { unassigned, isSilent } = before;
  for (const { Keys: [tag = '', service = ''] = [], Metrics } of groups) {
    if (!BEDROCK.test(service)) continue;
    const cost = Metrics?.[METRIC];
    const amount = readAmount(cost?.Amount, cost?.Unit, doing);
    isSilent = false;
    // `tenant$acme`; a key has no "$" (Bedrock's tag rules), a value may have.
    const value = tag.slice(tag.indexOf('$') + 1);
    if (value === '') unassigned = add(unassigned, amount);
    else byTenant.set(value, add(byTenant.get(value) ?? ZERO, amount));
  }
  return { ...before, byTenant, unassigned, isSilent };
}

const AMOUNT = /^(?<sign>-?)(?<whole>\d+)(?:\.(?<decimals>\d+))?(?:[Ee](?<exponent>[+-]?\d{1,2}))?$/;

/** Exactly, but for what is less than a nano-dollar; Cost Explorer may write small amounts with an exponent (UNVERIFIED). */
function readAmount(text: string | undefined, unit: string | undefined, doing: string): NanoUsd {
  const { sign, whole, decimals = '', exponent = '0' } = AMOUNT.exec(text ?? '')?.groups ?? {};
  if (whole === undefined || unit !== 'USD')
    throw new Fault('BillUnreadable', {
      doing,
      problem: `Cost Explorer answered the amount "${text} ${unit}"`,
      next: 'The drift is not told until this is understood. Report it with the text.',
    });
  const shift = 9 - decimals.length + Number(exponent);
  const digits = BigInt(whole + decimals);
  const nano = shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
  return nanoUsd(sign === '-' ? -nano : nano);
}

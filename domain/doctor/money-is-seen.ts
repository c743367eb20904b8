import { budgetsInUse } from '../budgets/budgets-in-use.ts';
import { costTagKeys } from '../budgets/cost-tags.ts';
import { isRefused } from '../budgets/payer.ts';
import { awsBudgetName, awsBudgetNamePrefix, isExpressible } from '../budgets/provisioning.ts';
import { type EpochMs, epochMs, isoTime } from '../clock.ts';
import type { Policy } from '../policy/policy.ts';
import { indexAge } from '../profiles/index-age.ts';
import type { Deployment, ExaminedAccount } from './account.ts';
import { bad, type Finding, ok } from './finding.ts';

/** Whether AWS tells what is spent, and the governor's own knowledge is young. */

export async function checkCostTags({ costTags }: ExaminedAccount, policy: Policy): Promise<readonly Finding[]> {
  const check = 'cost-allocation-tags';
  const keys = costTagKeys(policy);
  const states = await costTags.read(keys);
  if (isRefused(states))
    return [
      bad(
        check,
        'warning',
        `this account may not see them (${states.why}): it does not pay, or you may not read Cost Explorer`,
        `Ask in the account that pays: aws ce list-cost-allocation-tags --tag-keys ${keys.join(' ')}`,
      ),
    ];
  const inactive = keys.filter((key) => states.get(key) === 'inactive');
  const unmet = keys.filter((key) => !states.has(key));
  return [
    ...(inactive.length === 0
      ? []
      : [
          bad(
            check,
            policy.costAllocationTags === 'leave' ? 'warning' : 'failed',
            `not active: ${inactive.join(', ')}; AWS's bill and AWS Budgets do not tell them apart`,
            `aws ce update-cost-allocation-tags-status --cost-allocation-tags-status ${inactive.map((key) => `TagKey=${key},Status=Active`).join(' ')}`,
          ),
        ]),
    ...(unmet.length === 0
      ? []
      : [
          bad(
            check,
            'warning',
            `billing has not met yet: ${unmet.join(', ')}`,
            'Nothing: they show a day after the first spend with them, and the function billing activates them.',
          ),
        ]),
    ...(inactive.length + unmet.length < keys.length
      ? [ok(check, `active: ${keys.filter((key) => states.get(key) === 'active').join(', ')}`)]
      : []),
  ];
}

export async function checkAwsBudgets(
  account: ExaminedAccount,
  policy: Policy,
  deployment: Deployment,
): Promise<readonly Finding[]> {
  const check = 'aws-budgets';
  const prefix = awsBudgetNamePrefix(account.stage);
  const there = await account.awsBudgets(deployment).list(prefix);
  const wanted = budgetsInUse({ policy }, await account.index.list(() => {})).filter(({ period }) =>
    isExpressible(period),
  );
  const missing = wanted.map((budget) => awsBudgetName(budget, account.stage)).filter((name) => !there.has(name));
  if (missing.length === 0) return [ok(check, `readable; ${there.size} named ${prefix}…`)];
  return [
    bad(
      check,
      'warning',
      `${missing.length} are not there yet, the first of them ${missing[0]}`,
      'Nothing at first: the sweep makes them at the pace that AWS allows. If it lasts, look at the log of the function sweep.',
    ),
  ];
}

/** Entries are written anew when they were verified so long ago, and each profile is read within a day. */
const STALE_MS = 25 * 3_600_000;

export async function checkIndexAge({ index, clock }: ExaminedAccount): Promise<readonly Finding[]> {
  const check = 'index-age';
  const unreadable: string[] = [];
  const entries = await index.list((arn) => unreadable.push(arn));
  const { oldest, stale } = indexAge(entries, new Map(), epochMs(clock.now() - STALE_MS));
  const findings: Finding[] = unreadable.map((arn) =>
    bad(
      check,
      'failed',
      `the entry of ${arn} was written by another version`,
      'Run the version that wrote it, or delete the item under INDEX.',
    ),
  );
  if (oldest === undefined) return [...findings, ok(check, 'the index is empty: no profile is governed yet')];
  const text = `the longest verified of ${entries.filter(({ endedAt }) => endedAt === undefined).length} entries was looked at ${isoTime(oldest)}`;
  return [
    ...findings,
    stale === 0
      ? ok(check, text)
      : bad(
          check,
          'failed',
          `${stale} entries were not verified for a day; ${text}`,
          'The sweep does not run or does not come through: look at its log, its schedule and its dead letters.',
        ),
  ];
}

/** AWS refuses signatures that are five minutes off (Signature Version 4). */
const REFUSED_MS = 5 * 60_000;
const NOTABLE_MS = 30_000;

export function checkClock({ clock, machine }: ExaminedAccount): readonly Finding[] {
  const skew = machine.now() - clock.now();
  const size = Math.abs(skew);
  const text = `this machine's clock is ${seconds(size)} ${skew < 0 ? 'behind' : 'ahead of'} AWS's (${isoTime(clock.now() as EpochMs)})`;
  if (size < NOTABLE_MS) return [ok('clock', text)];
  return [
    bad(
      'clock',
      size < REFUSED_MS ? 'warning' : 'failed',
      text,
      'Set it by NTP. Tenants’ processes correct themselves by AWS’s answers; AWS refuses signatures that are five minutes off.',
    ),
  ];
}

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;

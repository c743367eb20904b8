import { awsAmount, displayUsd } from '../money.ts';
import { eventOf, type Notice, noticeId } from '../standing/notice.ts';
import type { DriftDetected } from './drift.ts';
import type { PayersPart } from './payer.ts';

/** To whoever administers billing: told once for each thing that this account may not do for itself. */
export function billingNeedsPayer(part: PayersPart, { accountId, why }: { accountId: string; why: string }): Notice {
  return {
    id: noticeId('billing-needs-payer', accountId, part.id),
    kind: 'billing-needs-payer',
    severity: 'warning',
    facts: { account: accountId, what: part.what, command: part.command },
    subject: `Bedrock costs: account ${accountId} needs its payer`,
    text:
      `Account ${accountId} may not ${part.what}: ${why}\n\n` +
      `If it is a linked account of an organisation, somebody who administers the management account does this once:\n\n${part.command}\n\n` +
      `If it pays for itself, the role of the function "billing" lacks the permission. Everything else goes on. This is tried again every day, and told once.`,
  };
}

/** The id holds for both the notice and the event of a drift between bill and records. */
export function driftDetected({
  day,
  tenant,
  billed,
  settled,
  unconfirmed,
  difference,
  percent,
}: DriftDetected): Notice {
  const who = tenant === undefined ? 'all tenants together' : `tenant ${tenant}`;
  const isMore = difference > 0n;
  const id = noticeId('drift', day, tenant ?? '', tenant === undefined ? 'all' : 'tenant');
  const ofTenant = tenant === undefined ? {} : { tenant };
  const figures = {
    day,
    billedUsd: awsAmount(billed),
    recordedUsd: awsAmount(settled),
    unconfirmedUsd: awsAmount(unconfirmed),
  };
  return {
    id,
    kind: 'drift-detected',
    severity: 'warning',
    ...ofTenant,
    facts: { ...figures, percent },
    event: eventOf(id, 'DriftDetected', {
      source: 'bill',
      ...ofTenant,
      ...figures,
      difference: isMore ? 'billed-more' : 'billed-less',
    }),
    subject: `Bedrock costs of ${who} drift by ${Math.abs(percent)}%`,
    text:
      `For ${day} (UTC) AWS bills ${displayUsd(billed)} for Amazon Bedrock of ${who}, and the helper has recorded ${displayUsd(settled)}` +
      `${unconfirmed > 0n ? ` and ${displayUsd(unconfirmed)} of which nobody knows whether it was spent` : ''}: ` +
      `AWS bills ${Math.abs(percent)}% ${isMore ? 'more' : 'less'}. ${isMore ? MORE : LESS}`,
  };
}

const MORE =
  'Somebody may call through the profiles without the helper, or the prices that the governor knows are too low. See docs/billing.md.';
const LESS =
  'The prices that the governor knows may be too high, or profiles may have been retagged since. See docs/billing.md.';

import { type EpochMs, isoTime } from '../domain/clock.ts';
import { Fault } from '../domain/fault.ts';
import { isDenial, isWithheld } from '../domain/lending/denial.ts';
import { displayUsd, formatUsd, type NanoUsd } from '../domain/money.ts';
import { type LedgerItem, type LedgerKey, left, spent } from '../domain/spending/ledger.ts';
import { GovernorRefusal } from './refusals.ts';

/** The refusal that an item's figures give for a call of this amount: which budget, how much, until when. */
export function refusalFor(
  item: LedgerItem,
  need: NanoUsd,
  now: EpochMs,
  mayHelpAt: EpochMs | undefined,
): GovernorRefusal {
  const { budget, period } = item.key;
  const { terms, endsAt } = item;
  // A word that is not money's ends at a time of its own, before the period does or after.
  const opensAt = (terms.standing === 'open' ? undefined : terms.standingUntil) ?? endsAt;
  const gone = spent(item);
  const details = {
    budget,
    period,
    spentUsd: formatUsd(gone),
    limitUsd: formatUsd(terms.limit),
    neededUsd: formatUsd(need),
    retryAfter: new Date(
      mayHelpAt === undefined || mayHelpAt <= now ? (mayHelpAt === undefined ? opensAt : now + SOON_MS) : mayHelpAt,
    ),
    resetsAt: new Date(endsAt),
  };
  const anew = `It begins anew at ${isoTime(endsAt)}.`;
  const figures = `${displayUsd(gone)} of ${displayUsd(terms.limit)} is spent`;
  if (terms.standing === 'closed')
    return new GovernorRefusal(
      'BudgetClosed',
      `Budget ${budget} is closed for ${period}: ${terms.reason ?? 'by the governor'}; ${figures}. ${opensAt === endsAt ? anew : `It opens again at ${isoTime(opensAt)}.`}`,
      details,
    );
  if (terms.standing === 'throttled')
    return new GovernorRefusal(
      'Throttled',
      `Budget ${budget} is throttled for ${period}: ${terms.reason ?? 'by the governor'}; ${figures}. Try again at ${details.retryAfter.toISOString()}.`,
      details,
    );
  if (mayHelpAt !== undefined)
    return new GovernorRefusal(
      'BudgetInUse',
      `What is left of budget ${budget} for ${period} is promised to calls in flight: this call may cost up to ${displayUsd(need)}; ${figures}. Try again in a moment, or wait longer for a turn (maxWaitMs).`,
      details,
    );
  const rest = left(item, now);
  // Two amounts that are the same cent would say that the one pays for the other.
  const shown = displayUsd(need) === displayUsd(rest) ? exactUsd : displayUsd;
  const less = rest > 0n ? ' A call that may cost less is still paid for: set maxTokens lower, or send less.' : '';
  return new GovernorRefusal(
    'BudgetExhausted',
    `Budget ${budget} does not pay for this call: it may cost up to ${shown(need)}, and ${shown(rest)} of ${displayUsd(terms.limit)} is left for ${period}. ${anew}${less}`,
    details,
  );
}

const exactUsd = (amount: NanoUsd): string => `${formatUsd(amount)} USD`;

/** Calls in flight end within seconds. */
const SOON_MS = 1_000;

export const notProvisioned = ({ budget, period }: LedgerKey): GovernorRefusal =>
  new GovernorRefusal(
    'NotProvisioned',
    `Budget ${budget} has no ledger item for ${period} yet. The next sweep of the governor provides it.`,
    { budget, period },
  );

export const busy = ({ budget, period }: LedgerKey): GovernorRefusal =>
  new GovernorRefusal(
    'LedgerUnavailable',
    `The ledger item of ${budget} changes faster than this process can write to it. Try again.`,
    { budget, period },
  );

export function unavailable({ budget, period }: LedgerKey, cause: unknown): GovernorRefusal {
  if (cause instanceof GovernorRefusal) return cause;
  const problem = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof Fault && isWithheld(cause.code))
    return new GovernorRefusal(cause.code, `The call was not sent: ${problem}`, { budget, period }, cause);
  if (cause instanceof Fault && isDenial(cause.code))
    return new GovernorRefusal('LedgerDenied', `The call was not sent: ${problem}`, { budget, period }, cause);
  return new GovernorRefusal(
    'LedgerUnavailable',
    `The call was not sent, because the ledger of ${budget} cannot be reached, and no lease in hand covers it: ${problem}. The policy may let each process spend a stated extra in an outage: "outage" of the budget.`,
    { budget, period },
    cause,
  );
}

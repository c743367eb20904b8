import type { GovernorRefusal, RefusalCode } from 'bedrock-cost-governor';

/** 402: this period's money is spent. 429: come back soon. The others are for whoever runs the server. */
const STATUS: Readonly<Partial<Record<RefusalCode, number>>> = {
  BudgetExhausted: 402,
  BudgetClosed: 402,
  BudgetInUse: 429,
  Throttled: 429,
  ProfileQuarantined: 403,
  TenantMismatch: 403,
  NotProvisioned: 503,
  LedgerUnavailable: 503,
  GovernorClosed: 503,
};

export interface RefusalAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a caller over HTTP is told of a refusal: figures of budgets are the tenant's own, all else stays in the log. */
export function answerTo({ code, details, message }: GovernorRefusal, now: Date): RefusalAnswer {
  const status = STATUS[code] ?? 500;
  const after = details.retryAfter ?? (status === 402 ? details.resetsAt : undefined);
  const seconds = after === undefined ? undefined : Math.max(1, Math.ceil((after.getTime() - now.getTime()) / 1000));
  return {
    status,
    headers: {
      'content-type': 'application/json',
      ...(seconds === undefined ? {} : { 'retry-after': String(seconds) }),
    },
    body: JSON.stringify({ code, message: status === 402 || status === 429 ? message : 'The call was not made.' }),
  };
}

import type { TimelineEntry } from '../timeline.ts';

/** The facts that a decision or a count logs; see docs/observability.md. */
interface LogLine {
  readonly message?: unknown;
  readonly decision?: unknown;
  readonly metric?: unknown;
  readonly because?: unknown;
  readonly [fact: string]: unknown;
}

/**
 * Retells the governor's structured logs as sentences of the timeline, as an operator would who tails them.
 * Undefined for lines that say nothing to a reader of the story.
 */
export function retell(line: string, at: number, nameOf: (profileArn: string) => string): TimelineEntry | undefined {
  const log = parse(line);
  if (log === undefined) return undefined;
  const what = sentence(log, nameOf);
  if (what === undefined) return undefined;
  const why = Array.isArray(log.because)
    ? log.because.join('; ')
    : typeof log.because === 'string'
      ? log.because
      : undefined;
  return { at, actor: 'governor', what, ...(why === undefined ? {} : { why }) };
}

function parse(line: string): LogLine | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return undefined;
  }
}

function sentence(log: LogLine, nameOf: (profileArn: string) => string): string | undefined {
  const fact = (name: string): string => String(log[name] ?? '');
  const profile = nameOf(fact('profile'));
  switch (log.decision ?? log.metric) {
    case 'mend tags':
      return `mends the tags of ${profile}: ${mendingOf(log)}`;
    case 'quarantine profile':
      return `quarantines ${profile}`;
    case 'release profile':
      return `releases ${profile}`;
    case 'end index entry':
      return `takes ${profile} out of the index`;
    case 'set standing tag':
      return `tags ${profile} with governor:standing=${fact('after')}, for IAM to deny on`;
    case 'remove standing tag':
      return `removes governor:standing from ${profile}`;
    case 'created AWS budget':
      return `creates AWS budget ${fact('name')} of ${fact('amount')} USD with its notifications`;
    case 'updated AWS budget':
      return `changes AWS budget ${fact('name')} to ${fact('amount')} USD`;
    case 'throttle budget':
      return `throttles budget ${fact('budget')} for ${fact('period')}, on the word of ${fact('source')}`;
    case 'change terms':
      return `changes the terms of budget ${fact('budget')} for ${fact('period')}`;
    case 'close budget':
      return `closes budget ${fact('budget')} for ${fact('period')}, on the word of ${fact('source')}`;
    case 'answer budget alert':
      return `answers the alert: budget ${fact('budget')} is ${fact('standing')}`;
    case 'reopen budget':
      return `opens budget ${fact('budget')} again`;
    case 'UnattributedSpendFound':
      return `counts ${fact('unattributed')} against ${fact('budget')} that the ledger never saw (${fact('source')} says ${fact('seen')})`;
    case 'LeaseReclaimed':
      return `takes back a lease on ${fact('budget')} whose process is gone: ${fact('unconfirmed')} count as spent`;
    default:
      return undefined;
  }
}

function mendingOf({ added, corrected }: LogLine): string {
  const additions = typeof added === 'object' && added !== null ? Object.entries(added) : [];
  return [
    ...additions.map(([key, value]) => `adds ${key}=${String(value)}`),
    ...(Array.isArray(corrected) ? corrected.map((change) => `corrects ${String(change)}`) : []),
  ].join(', ');
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type fc from 'fast-check';
import { expect } from 'vitest';
import { readPolicyFile } from '../../cli/policy-file.ts';
import { UserError } from '../../cli/user-error.ts';
import { readBudgetAlert, readBudgetAlerts } from '../../domain/budgets/budget-alert.ts';
import { epochMs } from '../../domain/clock.ts';
import { ANSWERED_BY } from '../../domain/events/forwarding.ts';
import { readInvocation } from '../../domain/lending/caller.ts';
import { formatUsd, parseUsd, parseUsdRoundedUp } from '../../domain/money.ts';
import { parseIndexEntry, serialiseIndexEntry } from '../../domain/profiles/index-entry-document.ts';
import { accountOf, parseProfileArn, profileArnOf, profileIdOf, regionOf } from '../../domain/profiles/profile-arn.ts';
import { readProfileEvent } from '../../domain/profiles/profile-event.ts';
import { readProfilesAnswer, readResolverRequest } from '../../domain/profiles/resolver-protocol.ts';
import { readModelId } from '../../domain/profiles/wanted-model.ts';
import { type DeadLetterQueue, HOME_QUEUES, readLetter } from '../../domain/redrive/dead-letter.ts';
import { parseResourceArn } from '../../domain/resources/resource-arn.ts';
import { readAlarmEvent } from '../../domain/signals/alarm.ts';
import { readAnomalies } from '../../domain/signals/anomaly.ts';
import { readLedgerHint } from '../../domain/signals/ledger-hint.ts';
import { boundOfInvoke } from '../../domain/spending/invoke-request-bound.ts';
import { addChunk, NO_COUNTS, readStreamUsage } from '../../domain/spending/invoke-stream-usage.ts';
import { readInvokeUsage } from '../../domain/spending/invoke-usage.ts';
import {
  inputOf,
  isCount,
  type ReportedUsage,
  readReportedUsage,
  type UsageReading,
} from '../../domain/spending/usage.ts';
import { indexEntry } from '../domain/profiles/index-entry.ts';
import { capturedAs, corpusOf } from './corpora.ts';
import { jsonLike, textsLike } from './mutations.ts';

export const ACCOUNT = '123456789012';
const ORIGINS = { accountId: ACCOUNT, regions: ['us-east-1', 'eu-west-1'], homeRegion: 'us-east-1' };

/** Something that reads what others write, and what must hold whatever that is. */
export interface Parser {
  readonly name: string;
  readonly corpus: readonly string[];
  readonly inputs: (corpus: readonly string[]) => fc.Arbitrary<string>;
  /** Throws where the parser does what it must not. */
  check(input: string): void | Promise<void>;
}

const json =
  (check: (value: unknown) => void): Parser['check'] =>
  (input) => {
    let value: unknown;
    try {
      value = JSON.parse(input);
    } catch {
      // What is no JSON reaches no handler and no answer; a body is read as none.
      value = undefined;
    }
    check(value);
  };

const ofJson = (name: string, corpus: readonly string[], check: (value: unknown) => void): Parser => ({
  name,
  corpus,
  inputs: jsonLike,
  check: json(check),
});

const ofText = (name: string, corpus: readonly string[], check: Parser['check']): Parser => ({
  name,
  corpus,
  inputs: textsLike,
  check,
});

/** Unknown, or five counts that add up to no more than they may. */
function checkUsage(reading: UsageReading | undefined): void {
  if (reading === undefined) return;
  for (const count of Object.values(reading.usage)) expect(isCount(count)).toBe(true);
  expect(inputOf(reading.usage)).toBeGreaterThanOrEqual(reading.usage.inputTokens);
}

const policyFolder = mkdtempSync(join(tmpdir(), 'governor-fuzz-'));
process.once('exit', () => rmSync(policyFolder, { recursive: true, force: true }));

async function checkPolicy(text: string): Promise<void> {
  const file = join(policyFolder, 'policy.yaml');
  writeFileSync(file, text);
  try {
    const { policy } = await readPolicyFile(file);
    expect(policy.version).toBe(1);
    for (const { limit } of policy.budgets) expect(typeof limit === 'bigint' && limit > 0n).toBe(true);
  } catch (error) {
    // A user's mistake: every line names the file and the place, and none is the trace of a crash.
    if (!(error instanceof UserError)) throw error;
    expect(error.problems.length).toBeGreaterThan(0);
    for (const line of error.problems) {
      expect(line.startsWith(file)).toBe(true);
      expect(line).not.toMatch(/\bat .*\.[jt]s:\d+/);
    }
  }
}

export const PARSERS: readonly Parser[] = [
  ofText('policy', corpusOf('policy'), checkPolicy),
  ofText(
    'budget-alert-text',
    [
      ...corpusOf('budget-alert-text'),
      ...capturedAs('sns-budget').map(
        (text) => (JSON.parse(text) as { Records: { Sns: { Message: string } }[] }).Records[0]?.Sns.Message ?? '',
      ),
    ],
    (text) => {
      const alert = readBudgetAlert(text);
      if (alert === undefined) return;
      expect(alert.accountId).toMatch(/^\d{12}$/);
      expect(alert.budgetName.length).toBeLessThanOrEqual(200);
      expect(text).toContain(alert.budgetName);
    },
  ),
  ofJson('budget-alert-event', capturedAs('sns-'), (event) => {
    const { alerts, unreadable } = readBudgetAlerts(event, ACCOUNT);
    for (const { accountId } of alerts) expect(accountId).toBe(ACCOUNT);
    expect(alerts.length + unreadable).toBeGreaterThanOrEqual(0);
  }),
  ofJson('profile-event', capturedAs('cloudtrail-', 'aws.'), (event) => {
    const read = readProfileEvent(event, ORIGINS);
    if (read.kind === 'profile')
      expect([accountOf(read.arn), ORIGINS.regions.includes(regionOf(read.arn))]).toEqual([ACCOUNT, true]);
    else expect(read.why.length).toBeGreaterThan(0);
  }),
  ofJson('anomaly-event', capturedAs('aws.ce', 'sns-'), (event) => {
    for (const hint of readAnomalies(event, ORIGINS).hints) {
      expect(hint.startDay).toMatch(/^\d{4}-\d{2}-\d{2}$/);
      expect(hint.anomalyId).not.toBe('');
    }
  }),
  ofJson('alarm-event', capturedAs('aws.cloudwatch'), (event) => {
    const read = readAlarmEvent(event, ORIGINS);
    if (read.kind === 'alarm') expect(read.name.length).toBeLessThanOrEqual(255);
  }),
  ofJson('hint-event', corpusOf('hint-event'), (event) => {
    const read = readLedgerHint(event, ACCOUNT);
    if (read.kind === 'hint') expect(read.budget.length).toBeLessThanOrEqual(300);
  }),
  ofText('arn', corpusOf('arn'), (text) => {
    const arn = parseProfileArn(text);
    if (arn !== undefined) {
      expect(parseProfileArn(arn)).toBe(arn);
      const rebuilt = profileArnOf({ region: regionOf(arn), accountId: accountOf(arn), id: profileIdOf(arn) });
      // The partition of a Region is its own: an ARN that names another one names no profile that there is.
      if (rebuilt !== undefined) expect(profileIdOf(rebuilt)).toBe(profileIdOf(arn));
    }
    const resource = parseResourceArn(text);
    expect(arn !== undefined && resource !== undefined).toBe(false);
    expect(readModelId(text).kind).toMatch(/^(profile|model|foreign)$/);
  }),
  ofText('amount', corpusOf('amount'), (text) => {
    const exact = parseUsd(text);
    if (exact !== undefined) expect(parseUsd(formatUsd(exact))).toBe(exact);
    const rounded = parseUsdRoundedUp(text);
    if (exact !== undefined && rounded !== undefined) expect(rounded).toBe(exact);
  }),
  ofJson('usage', [...corpusOf('usage'), JSON.stringify(converseUsage())], (value) =>
    checkUsage(readReportedUsage(value === null || typeof value !== 'object' ? undefined : (value as ReportedUsage))),
  ),
  ofJson('invoke-body', corpusOf('invoke-body'), (body) => {
    checkUsage(readInvokeUsage({ headers: {}, body }));
    checkUsage(readInvokeUsage({ headers: headersOf(body), body }));
  }),
  ofJson('stream-chunk', [...capturedAs('runtime-InvokeModelWith'), ...corpusOf('invoke-body')], (chunk) =>
    checkUsage(readStreamUsage(addChunk(addChunk(NO_COUNTS, chunk), { type: 'message_stop' }))),
  ),
  ofText('request-body', corpusOf('request-body'), (text) => {
    for (const baseModelId of ['anthropic.claude-sonnet-4', 'amazon.nova-lite-v1:0', 'meta.llama3', 'unheard.of'])
      for (const contextWindow of [undefined, 200_000]) {
        const body = new TextEncoder().encode(text);
        const read = boundOfInvoke({ body, baseModelId, contextWindow, tier: undefined });
        if (read.kind !== 'bounded') {
          // What is said of a request never repeats what stands in it.
          expect(read.problem.length).toBeLessThan(500);
          continue;
        }
        expect(isCount(read.bound.inputBytes) && isCount(read.bound.maxOutputTokens)).toBe(true);
      }
  }),
  ofText('index-entry', [serialiseIndexEntry(indexEntry('chat', { tenant: 'acme' }))], (text) => {
    const entry = parseIndexEntry(text);
    if (entry !== undefined) expect(parseIndexEntry(serialiseIndexEntry(entry))).toEqual(entry);
  }),
  ofJson('resolver', corpusOf('resolver'), (payload) => {
    const request = readResolverRequest(payload);
    if ('problem' in request) expect(request.problem).not.toBe('');
    const answer = readProfilesAnswer(payload);
    if (typeof answer === 'string') expect(answer).not.toBe('');
  }),
  ofJson('dead-letter', corpusOf('dead-letter'), checkLetter),
  ofJson('lease-invocation', corpusOf('lease-invocation'), (event) => {
    const lending = {
      urlAlias: 'url',
      aliases: { 'tenant-acme': { tenant: 'acme' } },
      roles: { [`arn:aws:iam::${ACCOUNT}:role/acme-app`]: { tenant: 'acme' } },
    };
    const arn = (alias: string) => `arn:aws:lambda:us-east-1:${ACCOUNT}:function:lease:${alias}`;
    // Whatever is written in the event, the alias decides who asks.
    expect(readInvocation(lending, arn('tenant-acme'), event)).toMatchObject({ kind: 'known', by: 'alias' });
    expect(readInvocation(lending, arn('other'), event).kind).toBe('unknown');
    expect(readInvocation(lending, arn('url'), event).by).toBe('url');
  }),
];

/** A letter of the corpus: its body is kept as what it is the JSON of, so that its inside is tried too. */
function checkLetter(value: unknown): void {
  const { body, attributes } = isRecord(value) ? value : {};
  const prefix = 'bedrock-cost-governor-prod';
  const [region, accountId] = ['us-west-2', ACCOUNT];
  const letter = {
    id: 'letter',
    sentAt: epochMs(0),
    body: typeof body === 'string' ? body : (JSON.stringify(body) ?? ''),
    attributes: Object.fromEntries(
      Object.entries(isRecord(attributes) ? attributes : {}).map(([key, text]) => [
        key,
        typeof text === 'string' ? text : (JSON.stringify(text) ?? ''),
      ]),
    ),
  };
  const queues: readonly DeadLetterQueue[] = [
    ...HOME_QUEUES.map((each) => ({ name: each })),
    { name: 'undelivered-forwards', region, accountId },
  ];
  // One that is in the wrong queue is no better than any other.
  for (const queue of queues) {
    const read = readLetter(prefix, queue, letter);
    if (read.kind === 'unreadable') {
      expect([read.why === '', read.why.length > 500]).toEqual([false, false]);
      continue;
    }
    const { functionName, payload } = read.call;
    expect(functionName).toMatch(/^bedrock-cost-governor-prod-[\w-]+$/);
    const event: unknown = JSON.parse(payload);
    if (queue.name !== 'undelivered-forwards') continue;
    expect(Object.values(ANSWERED_BY).map((fn) => `${prefix}-${fn}`)).toContain(functionName);
    expect(event).toMatchObject({ region, account: accountId });
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function converseUsage(): unknown {
  const [answer] = capturedAs('runtime-Converse-response');
  return (JSON.parse(answer ?? '{}') as { usage?: unknown }).usage;
}

/** Header values as a hostile answer might have them: whatever the body has. */
function headersOf(body: unknown): Record<string, string> {
  const values =
    typeof body === 'object' && body !== null ? Object.values(body).map((value) => JSON.stringify(value)) : [];
  const names = ['input', 'output', 'cache-read-input', 'cache-write-input'];
  return Object.fromEntries(names.map((name, at) => [`x-amzn-bedrock-${name}-token-count`, values[at] ?? '1']));
}

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import { ANSWERED_BY } from '../../../domain/events/forwarding.ts';
import {
  type Call,
  type DeadLetter,
  type DeadLetterQueue,
  HOME_QUEUES,
  readLetter,
} from '../../../domain/redrive/dead-letter.ts';
import { type DeadLetters, type Redriving, redrive } from '../../../domain/redrive/redrive.ts';
import { forwardedRules } from '../../../infra/forwarding/forwarders.ts';

const PREFIX = 'governor-prod';
const NOW = epochMs(Date.UTC(2026, 10, 20));
const arnOf = (name: string) => `arn:aws:lambda:us-east-1:123456789012:function:${name}`;

const failed = (id: string, functionName: string, payload: unknown, sentAt: EpochMs = NOW): DeadLetter => ({
  id,
  sentAt,
  attributes: {},
  body: JSON.stringify({
    version: '1.0',
    requestContext: { functionArn: `${arnOf(functionName)}:$LATEST`, condition: 'RetriesExhausted' },
    requestPayload: payload,
    responsePayload: { errorType: 'Fault' },
  }),
});
const scheduled = (minute: number) => ({ source: 'aws.events', 'detail-type': 'Scheduled Event', minute });

const FAILED = { name: 'failed-invocations' } as const;
const FORWARDS = { name: 'undelivered-forwards', region: 'us-west-2', accountId: '123456789012' } as const;
const QUEUES: readonly DeadLetterQueue[] = [...HOME_QUEUES.map((name) => ({ name })), FORWARDS];

/** A queue that hides what was received, and shows it again when it is released. */
class MemoryLetters implements DeadLetters {
  readonly all = new Map<string, DeadLetter>();
  readonly hidden = new Set<string>();
  /** As short polling does, it may answer nothing although there is something. */
  emptyAnswers = 0;
  failAt: string | undefined;

  constructor(...letters: readonly DeadLetter[]) {
    for (const letter of letters) this.all.set(letter.id, letter);
  }

  async isThere() {
    return true;
  }
  get visible(): DeadLetter[] {
    return [...this.all.values()].filter(({ id }) => !this.hidden.has(id));
  }
  async count() {
    return this.visible.length;
  }
  async receive() {
    if (this.emptyAnswers-- > 0) return [];
    const some = this.visible.slice(0, 3);
    for (const { id } of some) this.hidden.add(id);
    return some;
  }
  async remove({ id }: DeadLetter) {
    if (id === this.failAt) throw new Error('removed or not, who knows');
    this.all.delete(id);
  }
  async release({ id }: DeadLetter) {
    this.hidden.delete(id);
  }
}

function portsWith(letters: MemoryLetters, call: (call: Call) => void = () => {}, functions?: readonly string[]) {
  const calls: Call[] = [];
  const ports: Redriving = {
    prefix: PREFIX,
    clock: { now: () => NOW },
    letters: (queue) => (queue.name === 'failed-invocations' ? letters : new MemoryLetters()),
    async call(made) {
      call(made);
      if (functions?.includes(made.functionName) === false) return 'no-such-function';
      calls.push(made);
      return 'taken';
    },
  };
  return { ports, calls };
}
const run = (ports: Redriving, dryRun = false) => redrive(ports, [FAILED], { dryRun });

describe('a dead letter', () => {
  it('of a failed invocation says which function was to do what', () => {
    expect(readLetter(PREFIX, FAILED, failed('1', `${PREFIX}-sweep`, { a: 1 }))).toEqual({
      kind: 'call',
      call: { functionName: `${PREFIX}-sweep`, payload: '{"a":1}', isScheduled: false },
    });
  });

  it('of EventBridge is the event itself, and says in its attributes where it should have gone', () => {
    const event = { source: 'aws.bedrock', detail: {} };
    const letter = {
      id: '1',
      sentAt: NOW,
      body: JSON.stringify(event),
      attributes: { TARGET_ARN: arnOf(`${PREFIX}-profile-changed`), RULE_ARN: 'arn:…', ERROR_CODE: 'NO_PERMISSIONS' },
    };
    expect(readLetter(PREFIX, { name: 'undelivered-events' }, letter)).toEqual({
      kind: 'call',
      call: { functionName: `${PREFIX}-profile-changed`, payload: JSON.stringify(event), isScheduled: false },
    });
  });

  it.each([
    ['undelivered-alerts', 'budget-alert'],
    ['undelivered-anomalies', 'cost-anomaly'],
  ] as const)('of SNS in %s is wrapped as %s expects it', (queue, functionName) => {
    const body = { Type: 'Notification', MessageId: 'm', TopicArn: 'arn:t', Message: 'text', Timestamp: 'now' };
    const read = readLetter(
      PREFIX,
      { name: queue },
      { id: '1', sentAt: NOW, attributes: {}, body: JSON.stringify(body) },
    );
    if (read.kind !== 'call') throw new Error(read.why);
    expect(read.call.functionName).toBe(`${PREFIX}-${functionName}`);
    expect(JSON.parse(read.call.payload)).toMatchObject({ Records: [{ EventSource: 'aws:sns', Sns: body }] });
  });

  it('never calls a function of others, nor what is none', () => {
    const others = ['somebody-else', 'governor-production-sweep', `x-${PREFIX}-sweep`];
    // Of the stage `prod-eu`, whose names begin as those of `prod` do.
    for (const name of [...others, `${PREFIX}-eu-sweep`, `${PREFIX}-eu-budget-alert`])
      expect(readLetter(PREFIX, FAILED, failed('1', name, {})).kind).toBe('unreadable');
    const attributes = { TARGET_ARN: 'arn:aws:events:us-east-1:123456789012:event-bus/home' };
    expect(
      readLetter(PREFIX, { name: 'undelivered-events' }, { id: '1', sentAt: NOW, body: '{}', attributes }).kind,
    ).toBe('unreadable');
  });

  describe('of a Region that forwards', () => {
    const ruleArn = (name: string, region = 'us-west-2', account = '123456789012') =>
      `arn:aws:events:${region}:${account}:rule/${PREFIX}-forward-${name}`;
    const letter = (RULE_ARN: string, event: unknown): DeadLetter => ({
      id: '1',
      sentAt: NOW,
      body: JSON.stringify(event),
      attributes: { RULE_ARN, TARGET_ARN: `arn:aws:events:eu-west-1:123456789012:event-bus/${PREFIX}` },
    });
    const EVENT = { account: '123456789012', region: 'us-west-2', source: 'aws.bedrock', detail: { a: 1 } };

    it.each(Object.entries(ANSWERED_BY))(
      'by its rule %s is for the function %s, with the event as it was',
      (rule, name) => {
        expect(readLetter(PREFIX, FORWARDS, letter(ruleArn(rule), EVENT))).toEqual({
          kind: 'call',
          call: { functionName: `${PREFIX}-${name}`, payload: JSON.stringify(EVENT), isScheduled: false },
        });
      },
    );

    it('is for the function that answers such an event of the home Region', () => {
      const yml = readFileSync(new URL('../../../infra/serverless.yml', import.meta.url), 'utf8');
      const answered = forwardedRules(yml, { stage: 'dev' }).map(({ name, function: id }) => [
        name,
        id.replaceAll(/[A-Z]/g, (each) => `-${each.toLowerCase()}`),
      ]);
      expect(Object.fromEntries(answered)).toEqual(ANSWERED_BY);
    });

    it.each<[string, DeadLetter]>([
      ['of no rule', letter('', EVENT)],
      ['of a rule of others', letter(`arn:aws:events:us-west-2:123456789012:rule/forward-profile-api-calls`, EVENT)],
      ['of another stage', letter(ruleArn('cost-anomalies').replace(PREFIX, 'governor-prod-2'), EVENT)],
      ['of a rule that forwards nothing', letter(ruleArn('toString'), EVENT)],
      ['of a rule elsewhere', letter(ruleArn('cost-anomalies', 'us-east-1'), EVENT)],
      ['of a rule of another account', letter(ruleArn('cost-anomalies', 'us-west-2', '222222222222'), EVENT)],
      ['of an event from elsewhere', letter(ruleArn('profile-api-calls'), { ...EVENT, region: 'eu-west-1' })],
      ['of an event of another account', letter(ruleArn('profile-api-calls'), { ...EVENT, account: '222222222222' })],
      ['of an event of nowhere', letter(ruleArn('profile-api-calls'), { source: 'aws.bedrock' })],
      ['of a list of events', letter(ruleArn('profile-api-calls'), [EVENT])],
    ])('%s calls nothing', (_, given) => {
      expect(readLetter(PREFIX, FORWARDS, given).kind).toBe('unreadable');
    });
  });

  it('may be anything: it is read or left, and never throws', () => {
    const anything = fc.oneof(fc.string(), fc.json(), fc.constant(failed('1', `${PREFIX}-sweep`, null).body));
    fc.assert(
      fc.property(anything, fc.constantFrom(...QUEUES), fc.string(), (body, queue, target) => {
        const read = readLetter(PREFIX, queue, {
          id: '1',
          sentAt: NOW,
          body,
          attributes: { TARGET_ARN: target, RULE_ARN: target },
        });
        expect(read.kind === 'unreadable' || read.call.functionName.startsWith(`${PREFIX}-`)).toBe(true);
      }),
    );
  });
});

describe('a redrive', () => {
  it('calls for each letter and empties the queue, whatever SQS answers in between', async () => {
    const letters = new MemoryLetters(
      ...Array.from({ length: 8 }, (_, at) => failed(`l${at}`, `${PREFIX}-profile-changed`, { at })),
    );
    letters.emptyAnswers = 4;
    const { ports, calls } = portsWith(letters);
    const [report] = await run(ports);
    expect(calls.map(({ payload }) => JSON.parse(payload).at)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(report).toMatchObject({ called: new Map([[`${PREFIX}-profile-changed`, 8]]), kept: [], left: 0 });
    expect(letters.all.size).toBe(0);
  });

  it('makes one call for any number of calls by the clock, and one for the same event', async () => {
    const letters = new MemoryLetters(
      ...Array.from({ length: 5 }, (_, at) => failed(`w${at}`, `${PREFIX}-ledger-watch`, scheduled(at))),
      failed('s', `${PREFIX}-sweep`, scheduled(0)),
      failed('e1', `${PREFIX}-budget-hint`, { budget: 'a' }),
      failed('e2', `${PREFIX}-budget-hint`, { budget: 'a' }),
    );
    const { ports, calls } = portsWith(letters);
    const [report] = await run(ports);
    expect(calls.map(({ functionName }) => functionName)).toEqual(
      ['ledger-watch', 'sweep', 'budget-hint'].map((name) => `${PREFIX}-${name}`),
    );
    expect(report?.called.get(`${PREFIX}-ledger-watch`)).toBe(5);
    expect(letters.all.size).toBe(0);
  });

  it('leaves what was meant for a function that is no more, and goes on with the others', async () => {
    const letters = new MemoryLetters(failed('a', `${PREFIX}-billing`, 1), failed('b', `${PREFIX}-sweep`, 2));
    const { ports, calls } = portsWith(letters, () => {}, [`${PREFIX}-sweep`]);
    const [report] = await run(ports);
    expect(calls).toHaveLength(1);
    expect(report?.kept).toEqual([{ id: 'a', why: `there is no function ${PREFIX}-billing` }]);
    expect(letters.visible.map(({ id }) => id)).toEqual(['a']);
  });

  it('ends with the letter in hand when it is interrupted, and the next run goes on', async () => {
    const letters = new MemoryLetters(...[1, 2, 3, 4].map((at) => failed(`l${at}`, `${PREFIX}-budget-hint`, at)));
    const { ports, calls } = portsWith(letters);
    await redrive(ports, QUEUES, { dryRun: false, isInterrupted: () => calls.length === 2 });
    expect(calls).toHaveLength(2);
    expect(letters.visible.map(({ id }) => id)).toEqual(['l3', 'l4']);
    await run(ports);
    expect(calls.map(({ payload }) => payload)).toEqual(['1', '2', '3', '4']);
  });

  it('only tells, in a dry run, and leaves all where others see it', async () => {
    const letters = new MemoryLetters(failed('a', `${PREFIX}-sweep`, {}), failed('b', 'foreign', {}));
    const { ports, calls } = portsWith(letters);
    const [report] = await run(ports, true);
    expect(calls).toEqual([]);
    expect(report).toMatchObject({ called: new Map([[`${PREFIX}-sweep`, 1]]), kept: [{ id: 'b' }] });
    expect(letters.visible).toHaveLength(2);
  });

  it('leaves what it cannot read, and what came in since it began, such as of the very call that it made', async () => {
    const letters = new MemoryLetters(failed('a', `${PREFIX}-sweep`, scheduled(1)), failed('b', 'foreign', {}));
    const { ports, calls } = portsWith(letters, () => {
      letters.all.set('again', failed('again', `${PREFIX}-sweep`, scheduled(2), epochMs(NOW + 1)));
    });
    const [report] = await run(ports);
    expect(calls).toHaveLength(1);
    expect(report).toMatchObject({ kept: [{ id: 'b' }], left: 1 });
    expect(letters.visible.map(({ id }) => id)).toEqual(['b', 'again']);
  });

  it('goes on where a Region has no queue, and says so; what is done is told before a later queue fails', async () => {
    const letters = new MemoryLetters(failed('a', `${PREFIX}-sweep`, 1));
    const { ports } = portsWith(letters);
    const none = new MemoryLetters();
    none.isThere = async () => false;
    const broken = new MemoryLetters();
    broken.isThere = () => Promise.reject(new Error('denied'));
    const told: string[] = [];
    const inRegion = (region: string) => ({ ...FORWARDS, region });
    const work = redrive(
      {
        ...ports,
        letters: (queue) =>
          'region' in queue ? (queue.region === 'eu-north-1' ? broken : none) : ports.letters(queue),
      },
      [inRegion('us-west-2'), FAILED, inRegion('eu-north-1')],
      {
        dryRun: false,
        told: ({ queue, region, isMissing, called }) =>
          void told.push([queue, region, isMissing, called.size].join(' ')),
      },
    );
    await expect(work).rejects.toThrow('denied');
    expect(told).toEqual(['undelivered-forwards us-west-2 true 0', 'failed-invocations   1']);
  });

  it('loses no letter whose function has not been called, wherever it breaks off', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ name: fc.constantFrom('sweep', 'budget-hint'), payload: fc.integer({ min: 0, max: 3 }) }),
          {
            maxLength: 12,
          },
        ),
        fc.nat(12),
        fc.boolean(),
        async (work, at, isCall) => {
          const given = work.map(({ name, payload }, id) => failed(String(id), `${PREFIX}-${name}`, payload));
          const letters = new MemoryLetters(...given);
          if (!isCall) letters.failAt = String(at);
          let count = 0;
          const { ports, calls } = portsWith(letters, () => {
            if (isCall && count++ === at) throw new Error('throttled');
          });
          await run(ports).catch(() => {});
          const madeUp = (letter: DeadLetter) =>
            calls.some(({ functionName, payload }) => {
              const read = readLetter(PREFIX, FAILED, letter);
              return read.kind === 'call' && read.call.functionName === functionName && read.call.payload === payload;
            });
          for (const letter of given) expect(madeUp(letter) || letters.all.has(letter.id)).toBe(true);
          expect(letters.visible).toHaveLength(letters.all.size);

          letters.failAt = undefined;
          const call: Redriving['call'] = async (made) => {
            calls.push(made);
            return 'taken';
          };
          await run({ ...ports, call });
          expect(given.every(madeUp)).toBe(true);
          expect(letters.all.size).toBe(0);
        },
      ),
    );
  });
});

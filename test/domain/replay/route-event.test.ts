import { readdir, readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { routeEvent } from '../../../domain/replay/replay-event.ts';

const FOLDER = new URL('../../fixtures/events/', import.meta.url);
const fixture = async (name: string): Promise<unknown> => JSON.parse(await readFile(new URL(name, FOLDER), 'utf8'));
/** The account of the captured events. */
const accountOf = (event: unknown): string =>
  /(?:"account":"|AWS Account )(\d{12})/.exec(JSON.stringify(event))?.[1] ?? '';
/** Captured in these Regions. */
const origins = (accountId: string) => ({
  accountId,
  homeRegion: 'us-east-1',
  regions: ['us-east-1', 'us-west-2', 'eu-central-1', 'eu-west-1'],
});
const schedule = (rule: string) => ({
  source: 'aws.events',
  'detail-type': 'Scheduled Event',
  resources: [`arn:aws:events:us-east-1:123456789012:rule/${rule}`],
});

describe('where an event goes', () => {
  it.each([
    ['cloudtrail-CreateInferenceProfile.json', 'answer', 'profile-changed'],
    ['cloudtrail-TagResource.json', 'answer', 'profile-changed'],
    ['cloudtrail-DeleteInferenceProfile.json', 'answer', 'profile-changed'],
    ['cloudtrail-TagResource-guardrail-decoy.json', 'left-alone', 'profile-changed'],
    ['aws.tag-TagChange-ec2-doc.json', 'left-alone', 'profile-changed'],
    ['aws.cloudwatch-AlarmStateChange.json', 'answer', 'metric-alarm'],
    ['aws.ce-AnomalyDetected-tag-monitor.json', 'answer', 'cost-anomaly'],
    ['sns-budget-ACTUAL-monthly.json', 'answer', 'budget-alert'],
    ['sns-budget-FORECASTED-monthly.json', 'answer', 'budget-alert'],
  ])('%s: %s by %s', async (name, kind, by) => {
    const event = await fixture(name);
    const routing = routeEvent(event, origins(accountOf(event)));
    expect({ kind: routing.kind, by: routing.by }).toEqual({ kind, by });
  });

  it.each([
    ['bedrock-cost-governor-prod-sweep-schedule', 'sweep'],
    ['bedrock-cost-governor-prod-ledger-watch-schedule', 'ledger-watch'],
    ['bedrock-cost-governor-prod-reopen-schedule', 'reopen-ended'],
    ['bedrock-cost-governor-prod-outlook-schedule', 'outlook'],
    ['bedrock-cost-governor-prod-billing-schedule', 'billing'],
    ['somebody-elses', undefined],
  ])('the schedule %s: %s', (rule, by) => {
    expect(routeEvent(schedule(rule), origins('123456789012')).by).toBe(by);
  });

  it('never throws, whatever it is given', async () => {
    const events = await Promise.all((await readdir(FOLDER)).filter((name) => name.endsWith('.json')).map(fixture));
    const sources = fc.constantFrom(
      'aws.bedrock',
      'aws.tag',
      'aws.ce',
      'aws.cloudwatch',
      'aws.events',
      'governor.helper',
      'x',
    );
    const anything = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(...events),
      fc.record({ source: sources, 'detail-type': fc.string(), detail: fc.jsonValue(), resources: fc.jsonValue() }),
      fc.record({ Records: fc.array(fc.record({ Sns: fc.jsonValue() })) }),
    );
    fc.assert(
      fc.property(anything, (event) => {
        expect(['answer', 'left-alone', 'unreadable']).toContain(routeEvent(event, origins('123456789012')).kind);
      }),
    );
  });
});

import { captureAWSv3Client, enableManualMode, Segment } from 'aws-xray-sdk-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { converse, figures, GovernedAws, refusalOf } from '../invoke/governed-aws.ts';

// Otherwise it follows every asynchronous step of the process, to find the segment that is open.
enableManualMode();

let governed: GovernedAws;
beforeEach(async () => {
  governed = await GovernedAws.start();
});
afterEach(() => governed.close());

/** A governed client under the X-Ray SDK, and the segment that it traces into. A segment is sent when it is closed. */
function traced() {
  const { governor, client } = governed.process();
  const segment = new Segment('tenant');
  return { governor, segment, client: captureAWSv3Client(client, segment) };
}

describe('a governed client that the X-Ray SDK traces', () => {
  test('is metered once and traced once, with what AWS answered', async () => {
    const budget = await governed.budget('acme', 1_000_000);
    const profile = await governed.profile({ budgets: [budget] });
    const { governor, client, segment } = traced();

    await client.send(converse());
    await governor.flush();

    expect(governed.reached).toEqual([{ operation: 'Converse', modelId: profile.arn }]);
    expect(figures(await governed.item(budget))).toEqual({ settled: governed.billed, leased: 0, unconfirmed: 0 });
    expect(segment.subsegments).toMatchObject([{ name: 'BedrockRuntime', http: { response: { status: 200 } } }]);
  });

  test('shows a call that was refused as one that failed, with no answer of AWS and no word of the prompt', async () => {
    const budget = await governed.budget('acme', 1);
    await governed.profile({ budgets: [budget] });
    const { client, segment } = traced();

    expect((await refusalOf(client.send(converse()))).code).toBe('BudgetExhausted');
    expect(segment.subsegments).toMatchObject([
      { name: 'BedrockRuntime', fault: true, cause: { exceptions: [{ type: 'GovernorRefusal' }] } },
    ]);
    const [subsegment] = segment.subsegments ?? [];
    expect(JSON.stringify(subsegment)).not.toContain('"status"');
    expect(JSON.stringify(subsegment)).not.toContain(JSON.stringify(converse().input.messages).slice(10, 40));
    expect(governed.reached).toEqual([]);
  });
});

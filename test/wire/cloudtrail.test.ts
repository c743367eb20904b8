import { BedrockClient, CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { CloudTrailClient, LookupEventsCommand, type LookupEventsCommandInput } from '@aws-sdk/client-cloudtrail';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { clientConfig } from '../aws/client-config.ts';

const FOUNDATION_MODEL = 'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0';

describe('the event history', () => {
  let aws: EmbeddedAws;
  beforeEach(async () => {
    aws = await startEmbeddedAws();
    const bedrock = new BedrockClient(clientConfig(aws));
    for (const inferenceProfileName of ['one', 'two', 'three'])
      await bedrock.send(
        new CreateInferenceProfileCommand({ inferenceProfileName, modelSource: { copyFrom: FOUNDATION_MODEL } }),
      );
  });
  afterEach(() => aws.close());

  const lookUp = async (input: LookupEventsCommandInput) =>
    await new CloudTrailClient({ ...clientConfig(aws), maxAttempts: 1 }).send(new LookupEventsCommand(input));

  it('is told page by page', async () => {
    const { Events: first = [], NextToken } = await lookUp({ MaxResults: 2 });
    expect(first).toHaveLength(2);
    expect((await lookUp({ MaxResults: 2, NextToken })).Events).toHaveLength(1);
  });

  it.each<[string, LookupEventsCommandInput, string]>([
    ['no results', { MaxResults: 0 }, 'InvalidMaxResultsException'],
    ['more results than a page holds', { MaxResults: 51 }, 'InvalidMaxResultsException'],
    [
      'an attribute without a value',
      { LookupAttributes: [{ AttributeKey: 'EventName', AttributeValue: undefined }] },
      'InvalidLookupAttributesException',
    ],
    [
      'an endless value',
      { LookupAttributes: [{ AttributeKey: 'EventName', AttributeValue: 'x'.repeat(2_001) }] },
      'InvalidLookupAttributesException',
    ],
  ])('refuses %s', async (_, input, name) => {
    await expect(lookUp(input)).rejects.toMatchObject({ name, $metadata: { httpStatusCode: 400 } });
  });
});

import { GetProductsCommand, PricingClient } from '@aws-sdk/client-pricing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { awsPriceList } from '../../aws/aws-price-list.ts';
import { genaiPrices } from '../../aws/price-list.ts';
import { epochMs } from '../../domain/clock.ts';
import { comparePrices } from '../../domain/spending/compare-prices.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { clientConfig } from '../aws/client-config.ts';
import { policyDocument, policyOf } from '../domain/example-policy.ts';

describe('the AWS Price List over the wire', () => {
  let aws: EmbeddedAws;
  let client: PricingClient;
  beforeAll(async () => {
    aws = await startEmbeddedAws();
    client = new PricingClient(clientConfig(aws));
  });
  afterAll(() => aws.close());

  const ask = (
    ServiceCode: string,
    filters: Record<string, string> = {},
    more: { MaxResults?: number; NextToken?: string } = {},
  ) =>
    client.send(
      new GetProductsCommand({
        ServiceCode,
        Filters: Object.entries(filters).map(([Field, Value]) => ({ Type: 'TERM_MATCH', Field, Value })),
        ...more,
      }),
    );
  const read = (list: readonly unknown[] | undefined) =>
    (list ?? []).map((text) => {
      const { product, terms } = JSON.parse(String(text)) as {
        product: { attributes: Record<string, string> };
        terms: {
          OnDemand: Record<
            string,
            { priceDimensions: Record<string, { unit: string; pricePerUnit: { USD: string } }> }
          >;
        };
      };
      const dimension = Object.values(Object.values(terms.OnDemand)[0]?.priceDimensions ?? {})[0];
      return [product.attributes['usagetype'], dimension?.unit, Number(dimension?.pricePerUnit.USD)];
    });

  it('sells tokens by the thousand, and those of Marketplace models by the million', async () => {
    const nova = await ask('AmazonBedrock', { regionCode: 'us-east-1', model: 'Nova Pro' });
    expect(read(nova.PriceList)).toEqual([
      ['USE1-NovaPro-input-tokens', '1K tokens', 0.0008],
      ['USE1-NovaPro-output-tokens', '1K tokens', 0.0032],
      ['USE1-NovaPro-cache-read-input-token-count', '1K tokens', 0.0002],
      ['USE1-NovaPro-cache-write-input-token-count', '1K tokens', 0.0008],
    ]);
    const claude = await ask('AmazonBedrockFoundationModels', {
      regionCode: 'us-east-1',
      servicename: 'Claude Haiku 4.5 (Amazon Bedrock Edition)',
    });
    expect(read(claude.PriceList).slice(0, 2)).toEqual([
      ['USE1-MP:USE1_InputTokenCount-Units', 'Units', 1.1],
      ['USE1-MP:USE1_InputTokenCount_Global-Units', 'Units', 1],
    ]);
  });

  it('comes in pages', async () => {
    const all = await ask('AmazonBedrock', { regionCode: 'eu-west-1' });
    const first = await ask('AmazonBedrock', { regionCode: 'eu-west-1' }, { MaxResults: 5 });
    const second = await ask(
      'AmazonBedrock',
      { regionCode: 'eu-west-1' },
      { MaxResults: 100, NextToken: first.NextToken ?? '' },
    );
    expect([...read(first.PriceList), ...read(second.PriceList)]).toEqual(read(all.PriceList));
    expect(second.NextToken).toBeUndefined();
    await expect(ask('AmazonEC2')).rejects.toMatchObject({ name: 'InvalidParameterException' });
    await expect(ask('AmazonBedrock', {}, { NextToken: 'x' })).rejects.toMatchObject({
      name: 'InvalidNextTokenException',
    });
  });

  it('is understood to the last product, and agrees with the prices that are kept', async () => {
    const comparison = await comparePrices(
      { policy: policyOf(policyDocument()), prices: genaiPrices, published: awsPriceList(client) },
      'us-east-1',
      epochMs(Date.UTC(2026, 10, 23)),
    );
    expect(comparison.unread).toEqual([]);
    expect(comparison.same).toBeGreaterThan(30);
    expect(comparison.differences).toEqual([]);
  });
});

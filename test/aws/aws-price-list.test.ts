import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { PricingClient } from '@aws-sdk/client-pricing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { awsPriceList } from '../../aws/aws-price-list.ts';
import { genaiPrices } from '../../aws/price-list.ts';
import { epochMs } from '../../domain/clock.ts';
import { comparePrices, type PublishedPrice } from '../../domain/spending/compare-prices.ts';
import { policyDocument, policyOf } from '../domain/example-policy.ts';

const NOW = epochMs(Date.UTC(2026, 10, 23));
const PAGE = 7;
const Question = z.object({
  ServiceCode: z.string(),
  Filters: z.array(z.object({ Type: z.string(), Field: z.string(), Value: z.string() })),
  NextToken: z.string().optional(),
});

const products = (service: string): unknown[] =>
  z
    .array(z.unknown())
    .parse(JSON.parse(readFileSync(new URL(`../fixtures/prices/${service}.json`, import.meta.url), 'utf8')));

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

/** AWS's price list as far as it is asked here, over HTTP and page by page. Its answers are reconstructed. */
describe('the AWS price list', () => {
  const asked: string[] = [];
  let failing: string | undefined;
  let added: unknown[] = [];
  const server = createServer((request, response) => {
    void textOf(request).then((body) => {
      const question = Question.parse(JSON.parse(body));
      const from = Number(question.NextToken ?? 0);
      asked.push(`${request.headers['x-amz-target'] ?? ''} ${question.ServiceCode} ${from}`);
      expect(question.Filters).toEqual([{ Type: 'TERM_MATCH', Field: 'regionCode', Value: 'us-east-1' }]);
      response.setHeader('content-type', 'application/x-amz-json-1.1');
      if (failing === `${question.ServiceCode} ${from}`) {
        response.statusCode = 400;
        response.end(JSON.stringify({ __type: 'AccessDeniedException', message: 'not allowed' }));
        return;
      }
      const all = [...products(question.ServiceCode), ...(question.ServiceCode === 'AmazonBedrock' ? added : [])];
      const page = all
        .slice(from, from + PAGE)
        .map((product) => (typeof product === 'string' ? product : JSON.stringify(product)));
      const more = from + PAGE < all.length ? { NextToken: String(from + PAGE) } : {};
      response.end(JSON.stringify({ FormatVersion: 'aws_v1', PriceList: page, ...more }));
    });
  });
  let client: PricingClient;

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server listens on a port');
    client = new PricingClient({
      endpoint: `http://127.0.0.1:${address.port}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
  });
  beforeEach(() => {
    asked.length = 0;
    failing = undefined;
    added = [];
  });
  afterAll(async () => {
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  const published = () => awsPriceList(client);
  const compare = (changes: Record<string, unknown> = {}) =>
    comparePrices(
      { policy: policyOf(policyDocument(changes)), prices: genaiPrices, published: published() },
      'us-east-1',
      NOW,
    );

  it('is read to its last page, of both services', async () => {
    await compare();
    expect(asked).toEqual([
      ...[0, 7].map((from) => `AWSPriceListService.GetProducts AmazonBedrock ${from}`),
      ...[0, 7, 14].map((from) => `AWSPriceListService.GetProducts AmazonBedrockFoundationModels ${from}`),
    ]);
  });

  it('agrees with the kept prices, to the pico-dollar, in every tier, but for what differs', async () => {
    const { same, differences, unmapped, unread } = await compare();
    expect(same).toBe(20);
    expect(
      differences.map(({ baseModelId, source, meter, tier, kept, published: asks }) => ({
        baseModelId,
        source,
        meter,
        tier,
        kept,
        asks,
      })),
    ).toEqual([
      // Reconstructed a tenth dearer than it is.
      {
        baseModelId: 'amazon.nova-pro-v1:0',
        source: 'in-region',
        meter: 'input',
        tier: 'default',
        kept: 800_000,
        asks: 900_000,
      },
      // The package knows no price for large contexts of this model.
      {
        baseModelId: 'anthropic.claude-sonnet-4-5-20250929-v1:0',
        source: 'in-region',
        meter: 'input',
        tier: 'default',
        kept: undefined,
        asks: 6_600_000,
      },
      {
        baseModelId: 'anthropic.claude-sonnet-4-20250514-v1:0',
        source: 'in-region',
        meter: 'input',
        tier: 'default',
        kept: 3_000_000,
        asks: 3_300_000,
      },
    ]);
    expect(unmapped).toEqual(['Nova Ultra']);
    expect(unread).toEqual(['USE1-MP:USE1_InputTokenCount_Global-Units', 'USE1-NovaLite-input-tokens-turbo']);
  });

  it('is compared with what the policy states, since calls are priced by that', async () => {
    const stated = { model: 'amazon.nova-pro-v1:0', from: '2026-01-01', input: '0.9 USD', output: '3.2 USD' };
    const { differences } = await compare({ prices: [stated] });
    expect(differences.map(({ baseModelId }) => baseModelId)).not.toContain('amazon.nova-pro-v1:0');
  });

  it('is not compared with what the policy states for unpriced models, which is nobody’s price [F8]', async () => {
    const { differences } = await comparePrices(
      {
        policy: policyOf(policyDocument({ unpricedModels: { input: '0.035 USD', output: '0.14 USD' } })),
        prices: { ratesOf: () => undefined },
        published: published(),
      },
      'us-east-1',
      NOW,
    );
    expect(differences.length).toBeGreaterThan(20);
    expect(differences.every(({ kept }) => kept === undefined)).toBe(true);
  });

  it.each([
    ['AmazonBedrock 0', 'AmazonBedrock'],
    ['AmazonBedrockFoundationModels 14', 'AmazonBedrockFoundationModels'],
  ])('is not taken for what could be read of it when %s fails', async (question, service) => {
    failing = question;
    await expect(compare()).rejects.toMatchObject({
      code: 'AccessDeniedException',
      message: expect.stringContaining(`reading the price list of ${service}`),
    });
  });

  it('tells of products that it does not understand, instead of leaving them out', async () => {
    added = ['not json', {}, { product: { attributes: { usagetype: 7 } } }];
    expect((await compare()).unread).toContain('a product of another shape');
  });

  it.each<[string, Partial<PublishedPrice> | undefined]>([
    ['USE1-NovaPro-input-tokens', { meter: 'input', source: 'in-region', tier: 'default' }],
    ['USE1-NovaPro-output-tokens-priority', { meter: 'output', tier: 'priority' }],
    ['USE1-NovaPro-cache-write-input-token-count', { meter: 'cacheWrite5m' }],
    ['USE1-Nova2Lite-input-tokens-cross-region-global', { meter: 'input', source: 'global' }],
    ['USE1-NovaPro-input-tokens-batch', undefined],
    ['USE1-NovaSonic-speech-input-tokens', undefined],
  ])('means by %s what it says', async (usagetype, expected) => {
    added = [
      {
        product: { attributes: { model: 'Nova Pro', usagetype } },
        terms: { OnDemand: { a: { priceDimensions: { b: { unit: '1K tokens', pricePerUnit: { USD: '0.001' } } } } } },
      },
    ];
    const found: object[] = [];
    for await (const entry of published().read('us-east-1')) if (entry.usageType === usagetype) found.push(entry);
    const last = found.at(-1);
    if (expected === undefined) expect(last).toBeUndefined();
    else expect(last).toMatchObject({ kind: 'price', price: 1_000_000, ...expected });
  });
});

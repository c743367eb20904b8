import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type PicoUsdPerToken, perMillion } from '../../domain/spending/pricing.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault } from '../../local/service.ts';
import { governor, ROOT } from './command.ts';

const Price = z.string().regex(/^\d+\.\d{2,6}$/);
const Prices = z.strictObject({
  type: z.literal('prices'),
  at: z.iso.datetime(),
  regions: z.array(
    z.strictObject({
      region: z.string(),
      same: z.int(),
      differences: z.array(
        z.strictObject({
          model: z.string(),
          name: z.string(),
          source: z.string(),
          meter: z.string(),
          tier: z.string(),
          isLongContext: z.boolean(),
          usageType: z.string(),
          publishedUsdPerMillion: Price,
          keptUsdPerMillion: Price.nullable(),
        }),
      ),
      unmapped: z.array(z.string()),
      unread: z.array(z.string()),
    }),
  ),
});

describe('governor prices check', () => {
  let aws: EmbeddedAws;
  let folder: string;
  const run = (...args: string[]) => governor(aws.environment(), 'prices', 'check', ...args).ended;
  const checked = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(...args, '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return Prices.parse(JSON.parse(stdout)).regions;
  };

  beforeAll(async () => {
    aws = await startEmbeddedAws();
    folder = await mkdtemp(join(tmpdir(), 'governor-prices-'));
  });
  afterAll(async () => {
    await aws.close();
    await rm(folder, { recursive: true });
  });

  it('compares the kept prices with the published ones, and says the same twice', async () => {
    const [east] = await checked();
    expect(east?.region).toBe('us-east-1');
    expect(east?.same).toBeGreaterThan(20);
    const text = await run();
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toMatch(/^us-east-1: \d+ prices are kept as AWS publishes them, \d+ differ\n/);
    expect((await run()).stdout).toBe(text.stdout);
  });

  it('finds a price that the policy states otherwise, and exits with 2 where that is asked for', async () => {
    const policy = join(folder, 'governance.yaml');
    const example = await readFile(join(ROOT, 'examples/insurer/governance.yaml'), 'utf8');
    await writeFile(
      policy,
      `${example}\nprices:\n  - { model: amazon.nova-pro-v1:0, from: "2026-01-01", input: 9.99 USD, output: 3.20 USD }\n`,
    );
    const [east] = await checked('--policy', policy);
    expect(east?.differences).toContainEqual(
      expect.objectContaining({
        model: 'amazon.nova-pro-v1:0',
        meter: 'input',
        publishedUsdPerMillion: '0.80',
        keptUsdPerMillion: '9.99',
      }),
    );
    const ending = await run('--policy', policy, '--detailed-exitcode');
    expect(ending.code).toBe(2);
    expect(ending.stdout).toMatch(/amazon\.nova-pro-v1:0 +in-region +input +default +0\.80 +9\.99/);
  });

  it('exits with 1 where AWS does not let it read, and with 2 for a Region that is none', async () => {
    const stop = aws.intercept(({ service }) =>
      service === 'pricing' ? new AwsFault('AccessDeniedException', 'not you') : undefined,
    );
    const denied = await run('--detailed-exitcode');
    stop();
    expect(denied).toMatchObject({ code: 1, stdout: '' });
    expect(denied.stderr).toMatch(/^AccessDeniedException: reading the price list/);
    expect(await run('--of', 'Frankfurt')).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('a price for a million tokens', () => {
  it('is exact', () => {
    fc.assert(
      fc.property(fc.nat(10 ** 12), (pico) => {
        const text = perMillion(pico as PicoUsdPerToken);
        const [whole = '', decimals = ''] = text.split('.');
        expect(BigInt(whole) * 1_000_000n + BigInt(decimals.padEnd(6, '0'))).toBe(BigInt(pico));
        expect(decimals.length).toBeGreaterThanOrEqual(2);
      }),
    );
  });
});

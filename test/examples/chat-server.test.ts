import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answerTo } from '../../examples/chat-server/refusal-answer.ts';
import { GovernorRefusal } from '../../invoke/index.ts';
import { TABLE } from '../aws/dynamodb/governor-table.ts';
import { figures, GovernedAws } from '../invoke/governed-aws.ts';

const MAIN = fileURLToPath(new URL('../../examples/chat-server/main.ts', import.meta.url));

describe('the chat server', () => {
  let governed: GovernedAws;
  let server: ChildProcess;
  let url = '';
  let budgets: Awaited<ReturnType<GovernedAws['budget']>>[];

  beforeAll(async () => {
    governed = await GovernedAws.start();
    budgets = [await governed.budget('acme', 1_000_000_000), await governed.budget('globex', 1)];
    for (const [i, tenant] of ['acme', 'globex'].entries())
      await governed.profile({ tags: { tenant, app: 'chat' }, budgets: budgets.slice(i, i + 1) });
    const env = {
      ...process.env,
      ...governed.aws.environment(),
      GOVERNOR_TABLE: TABLE,
      TENANTS: JSON.stringify({ 'acme-token': 'acme', 'globex-token': 'globex' }),
      PORT: '0',
    };
    server = spawn(process.execPath, ['--import', 'tsx', MAIN], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    if (server.stdout === null) throw new Error('the server has no output');
    const [line] = await once(server.stdout, 'data');
    url = `${/http:\S+/.exec(String(line))?.[0]}/chat`;
  });

  afterAll(async () => {
    server.kill('SIGKILL');
    await governed.close();
  });

  const ask = (token: string) =>
    fetch(url, {
      method: 'POST',
      body: 'Hello!!!',
      headers: { authorization: `Bearer ${token}`, connection: 'close' },
    });

  test('streams the answer to a tenant, through the profile of that tenant', async () => {
    const response = await ask('acme-token');
    expect(response.status).toBe(200);
    expect(await response.text()).toMatch(/^Embedded answer/);
    expect(governed.reached.map(({ operation }) => operation)).toEqual(['ConverseStream']);
  });

  test('answers 402 to a tenant whose money is spent, with the figures and when to come again', async () => {
    const response = await ask('globex-token');
    expect(response.status).toBe(402);
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await response.json()).toMatchObject({
      code: 'BudgetExhausted',
      message: expect.stringContaining('globex'),
    });
    expect(governed.reached).toHaveLength(1);
  });

  test('answers 401 to a token of nobody', async () => {
    expect((await ask('a-guess')).status).toBe(401);
  });

  test('ends on SIGTERM with all reported and nothing kept', async () => {
    server.kill('SIGTERM');
    expect(await once(server, 'exit')).toEqual([0, null]);
    const [acme] = budgets;
    if (acme === undefined) throw new Error('the budget has just been made');
    expect(figures(await governed.item(acme))).toEqual({ settled: governed.billed, leased: 0, unconfirmed: 0 });
    expect(governed.billed).toBeGreaterThan(0);
  });
});

describe('a refusal over HTTP', () => {
  const NOW = new Date('2026-11-25T10:00:00Z');

  test.each([
    ['BudgetInUse', { retryAfter: new Date('2026-11-25T10:00:01.200Z') }, 429, '2'],
    [
      'Throttled',
      { retryAfter: new Date('2026-11-25T10:05:00Z'), resetsAt: new Date('2026-12-01T00:00:00Z') },
      429,
      '300',
    ],
    ['BudgetClosed', { resetsAt: new Date('2026-11-25T11:00:00Z') }, 402, '3600'],
    ['Throttled', { retryAfter: new Date('2026-11-25T09:00:00Z') }, 429, '1'],
    ['LedgerUnavailable', {}, 503, undefined],
    ['ProfileNotFound', {}, 500, undefined],
  ] as const)('%s says when to come again', (code, details, status, retryAfter) => {
    const answer = answerTo(new GovernorRefusal(code, 'the figures', details), NOW);
    expect(answer.status).toBe(status);
    expect(answer.headers['retry-after']).toBe(retryAfter);
  });

  test('that its caller cannot mend tells nothing of the inside', () => {
    expect(answerTo(new GovernorRefusal('ProfileNotFound', 'Near: globex-chat'), NOW).body).not.toContain('globex');
  });
});

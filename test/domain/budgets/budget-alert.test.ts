import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBudgetAlert, readBudgetAlerts } from '../../../domain/budgets/budget-alert.ts';
import { at, EVENTS, event, mutationsOf } from '../event-fixtures.ts';

const ACCOUNT = '123456789012';

/** A notification in the wording of the captures, with what differs between them. */
const text = (
  parts: { name?: string; account?: string; type?: string; span?: string; newline?: string } = {},
): string => {
  const {
    name = 'governor/prod/tenant-monthly/acme',
    account = ACCOUNT,
    type = 'ACTUAL',
    span = 'for the current month. The',
    newline = '\n',
  } = parts;
  return [
    'AWS Budget Notification January 28, 2026',
    `AWS Account ${account}`,
    '',
    'Dear AWS Customer,',
    '',
    `You requested that we alert you when the ${type} Cost associated with your ${name} budget is greater than $1,600.00 ${span} ${type} Cost associated with this budget is $1,695.10. You can find additional details below and by accessing the AWS Budgets dashboard [1].`,
    '',
    `Budget Name: ${name}`,
    'Budget Type: Cost',
    'Budgeted Amount: $2,000.00',
    `Alert Type: ${type}`,
    'Alert Threshold: > $1,600.00',
    `${type} Amount: $1,695.10`,
    '',
    '[1] https://console.aws.amazon.com/costmanagement/home#/budgets',
    '',
  ].join(newline);
};
const sns = (...messages: unknown[]) => ({
  Records: messages.map((Message) => ({ EventSource: 'aws:sns', Sns: { Message } })),
});

describe('readBudgetAlert', () => {
  it.each([
    ['a monthly budget', text(), 'ACTUAL'],
    ['a daily budget', text({ span: 'per day. Yesterday, the' }), 'ACTUAL'],
    ['a forecast', text({ type: 'FORECASTED' }), 'FORECASTED'],
    ['the wording of 2020', text({ type: 'Actual' }), 'ACTUAL'],
    ['lines that end in CR LF', text({ newline: '\r\n' }), 'ACTUAL'],
  ])('reads the notification of %s', (_, message, type) => {
    expect(readBudgetAlert(message)).toEqual({
      budgetName: 'governor/prod/tenant-monthly/acme',
      accountId: ACCOUNT,
      type,
    });
  });

  it('reads a name with spaces, colons of a sentence and a percent sign as it stands', () => {
    expect(readBudgetAlert(text({ name: 'Test Budget: 5% (old)' }))?.budgetName).toBe('Test Budget: 5% (old)');
  });

  it.each([
    ['nothing', ''],
    ['an anomaly alert, which is JSON', JSON.stringify({ anomalyId: 'x', accountId: ACCOUNT })],
    ['a text without a budget', text().replace(/^Budget Name:.*$/m, '')],
    ['a text without an account', text().replace(/^AWS Account.*$/m, '')],
    ['an empty name', text({ name: '' })],
    ['an account that is none', text({ account: '12345678901' })],
    ['another type of alert', text({ type: 'ESTIMATED' })],
    ['more than AWS Budgets ever sends', `${text()}${' '.repeat(8192)}`],
    ['a name of more than 200 characters', text({ name: 'x'.repeat(201) })],
  ])('does not take %s for a notification', (_, message) => {
    expect(readBudgetAlert(message)).toBeUndefined();
  });

  it('takes names and types only from lines of their own', () => {
    const sneaky = `Budget Name of mine: x\nsee Budget Name: y\nAWS Account ${ACCOUNT} and more\nAlert Type: ACTUAL or so`;
    expect(readBudgetAlert(sneaky)).toBeUndefined();
  });
});

describe('readBudgetAlerts', () => {
  it.each([...EVENTS.keys()])('gives the right verdict on %s', (name) => {
    const expected: Readonly<Record<string, unknown>> = {
      'sns-budget-ACTUAL-monthly': { budgetName: 'Test Budget', accountId: ACCOUNT, type: 'ACTUAL' },
      'sns-budget-ACTUAL-daily': { budgetName: 'daily-guard', accountId: ACCOUNT, type: 'ACTUAL' },
      'sns-budget-FORECASTED-monthly': { budgetName: 'test', accountId: ACCOUNT, type: 'FORECASTED' },
    };
    const alert = expected[name];
    expect(readBudgetAlerts(event(name), ACCOUNT)).toEqual(
      alert === undefined ? { alerts: [], unreadable: 1 } : { alerts: [alert], unreadable: 0 },
    );
  });

  it('reads every record, and one that is no alert hides no other', () => {
    const seen = readBudgetAlerts(sns(text({ name: 'a' }), 'hello', text({ name: 'b' }), 7, null), ACCOUNT);
    expect(seen.alerts.map(({ budgetName }) => budgetName)).toEqual(['a', 'b']);
    expect(seen.unreadable).toBe(3);
  });

  it('does not listen to alerts about another account', () => {
    expect(readBudgetAlerts(sns(text({ account: '999999999999' })), ACCOUNT)).toEqual({ alerts: [], unreadable: 1 });
  });

  it.each(['sns-budget-ACTUAL-monthly', 'sns-budget-FORECASTED-monthly', 'sns-budget-ACTUAL-daily'])(
    'never throws on a damaged %s, and counts each record once',
    (name) => {
      fc.assert(
        fc.property(mutationsOf(event(name)), (mutant) => {
          const { alerts, unreadable } = readBudgetAlerts(mutant, ACCOUNT);
          for (const alert of alerts)
            expect(alert).toMatchObject({ accountId: ACCOUNT, budgetName: expect.stringMatching(/^\S/) });
          const records = at(mutant, ['Records']);
          expect(alerts.length + unreadable).toBe(Array.isArray(records) ? records.length : 1);
        }),
        { numRuns: 150 },
      );
    },
  );

  it('never throws on anything else', () => {
    fc.assert(
      fc.property(fc.anything(), (anything) => {
        expect(readBudgetAlerts(anything, ACCOUNT).alerts).toEqual([]);
      }),
    );
  });
});

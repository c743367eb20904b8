import type { Story } from '../run/story.ts';

/** One for each daily budget of a tenant with a profile, and none made twice; AWS knows no weekly budgets. */
export function awsBudgetsOnce({ world }: Story): void {
  const { judge, awsBudgets, profiles, configuration } = world;
  const expected = configuration.isWatched ? 2 : 1;
  for (const { tags } of profiles.all) {
    const { tenant = '' } = tags;
    const found = [...awsBudgets.entries.values()].filter(({ budget }) =>
      budget.FilterExpression?.And?.some(({ Tags }) => Tags?.Key === 'tenant' && Tags.Values?.[0] === tenant),
    );
    judge.check('aws-budgets', found.length === expected, () => `${found.length} AWS budgets count ${tenant}`);
  }
  for (const [name, times] of awsBudgets.made)
    judge.check('aws-budgets', times === 1, () => `the AWS budget ${name} was made ${times} times`);
}

export function noticesOnce({ world }: Story): void {
  const { judge, told, table, faults, functions } = world;
  // A sender that heard no answer, or crashed before it could write that it had sent, sends again: told twice is better than not told.
  // One that stood still for longer than its claim is taken for crashed, and another sends what it has sent.
  let ambiguous =
    (faults.counts.get('servicesUnanswered') ?? 0) +
    functions.hosts.filter(({ isGone, wasFrozen }) => isGone || wasFrozen).length;
  // Nor can it write it while the table does not answer.
  ambiguous += faults.counts.get('outage') ?? 0;
  for (const fault of ['throttled', 'lost', 'unanswered']) ambiguous += faults.counts.get(fault) ?? 0;
  let again = 0;
  for (const [, times] of told.notices) again += times - 1;
  judge.check('notices', again <= ambiguous, () => `notices were sent ${again} times more than once`);
  for (const [pk, items] of table.partitions('NOTICE#'))
    for (const [sk, item] of items) {
      const topic = sk === 'CHAT' ? 'chat' : 'notices';
      const id = pk.slice('NOTICE#'.length);
      const sent = told.notices.get(`${topic} ${id}`) ?? 0;
      judge.check(
        'notices',
        sent >= 1 && item['outbox'] === undefined,
        () =>
          `${id} was sent to ${topic} ${sent} times, and ${item['outbox'] === undefined ? 'is' : 'is not'} marked as sent`,
      );
      judge.check('notices', sent <= 1 || ambiguous > 0, () => `${id} was sent to ${topic} ${sent} times`);
    }
}

export function deadLettersExplained({ world }: Story): void {
  const { judge, functions, configuration } = world;
  judge.check('dead-letters', functions.isIdle, () => 'a function is still at work');
  for (const { of, error, isExplained } of functions.deadLetters)
    judge.check(
      'dead-letters',
      // Billing is looked at by one run at a time: whoever came second was not needed.
      isExplained ||
        // While a later version is rolled out, the one before leaves alone what it does not understand.
        (configuration.upgrade !== undefined && error.includes(' has the layout ')) ||
        (of === 'billing' && error.includes('another run is at it')),
      () => `${of} ended in a dead-letter queue, and no fault of AWS explains it: ${error}`,
    );
}

import { howMany } from '../how-many.ts';
import type { Deployment, ExaminedAccount, Trail } from './account.ts';
import { bad, type Finding, ok } from './finding.ts';

/** Whether what happens reaches the governor, and what it says reaches people. */

/** In each Region whose profiles are governed: events are made where the call was. */
export async function checkTrails(
  account: ExaminedAccount,
  { region, regions }: Deployment,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const each of new Set([region, ...regions])) findings.push(trailFinding(await account.trails(each), each));
  return findings;
}

function trailFinding(found: readonly Trail[], region: string): Finding {
  const useful = found.find(({ isLogging, logsWrites }) => isLogging && logsWrites);
  if (useful !== undefined) return ok('trail', `trail ${useful.name} logs management events in ${region}`);
  const [stopped] = found.filter(({ logsWrites }) => logsWrites);
  if (stopped !== undefined)
    return bad(
      'trail',
      'failed',
      `trail ${stopped.name} is stopped`,
      `aws cloudtrail start-logging --name ${stopped.name}`,
    );
  return bad(
    'trail',
    'failed',
    `no trail logs management events that write in ${region}: events about profiles do not come, and the sweep sees changes minutes later`,
    'Create a multi-Region trail with management events (aws cloudtrail create-trail --is-multi-region-trail, then start-logging).',
  );
}

export async function checkSubscriptions(
  account: ExaminedAccount,
  { topics }: Deployment,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [purpose, topic] of Object.entries(topics)) {
    const subscriptions = await account.subscriptions(topic);
    const pending = subscriptions.filter(({ isConfirmed }) => !isConfirmed);
    for (const { protocol, endpoint } of pending)
      findings.push(
        bad(
          'subscriptions',
          'failed',
          `${protocol} ${endpoint} has not confirmed its subscription to ${topic}, and hears nothing`,
          'Open the link in the message that SNS has sent there, or subscribe it again.',
        ),
      );
    if (subscriptions.length > pending.length)
      findings.push(ok('subscriptions', `${subscriptions.length - pending.length} confirmed at ${topic}`));
    else if (pending.length === 0) findings.push(nobodyHears(purpose, topic));
  }
  return findings;
}

function nobodyHears(purpose: string, topic: string): Finding {
  switch (purpose) {
    case 'notices':
      return bad(
        'subscriptions',
        'failed',
        `nobody is subscribed to ${topic}: what the governor tells the owners of budgets is heard by nobody`,
        `aws sns subscribe --topic-arn ${topic} --protocol email --notification-endpoint <address>, then confirm the mail.`,
      );
    case 'chat':
      return ok('subscriptions', `nobody is subscribed to ${topic}: no chat is told, which is as you like`);
    default:
      return bad(
        'subscriptions',
        'failed',
        `no function is subscribed to ${topic}: ${purpose} do not reach the governor`,
        'Deploy the stack again: it subscribes its function.',
      );
  }
}

export async function checkDeadLetters(
  { deadLetters }: ExaminedAccount,
  stack: Deployment,
  region: string,
): Promise<readonly Finding[]> {
  const queues = await deadLetters(region);
  const isHome = region === stack.region;
  // That a Region which forwards has no queue is told with its stack.
  if (queues.length === 0 && !isHome) return [];
  if (queues.length === 0)
    return [
      bad(
        'dead-letters',
        'failed',
        'the stack has no dead-letter queue: what gets lost is lost without a trace',
        'Deploy the stack again.',
      ),
    ];
  const where = isHome ? '' : ` of ${region}`;
  const full = queues.filter(({ messages }) => messages > 0);
  if (full.length === 0)
    return [
      ok(
        'dead-letters',
        `${queues.length === 1 ? 'the one dead-letter queue is' : `${queues.length} dead-letter queues are`} empty${isHome ? '' : ` in ${region}`}`,
      ),
    ];
  return full.map(({ queue, messages }) =>
    bad(
      'dead-letters',
      'failed',
      `${howMany(messages, 'message')} in ${queue}${where}: work that got lost`,
      isHome
        ? 'Read the log of the function, mend the cause, and call it again (governor redrive). The sweep has done what it can meanwhile.'
        : 'Look why its events do not reach the home Region (ERROR_CODE of the letter), mend that, and redrive them from the home Region (governor redrive). The sweep has done what it can meanwhile.',
    ),
  );
}

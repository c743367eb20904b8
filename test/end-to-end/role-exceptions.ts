const LOST_ITEM =
  'It reviews a budget whose ledger item it has just read. Where that is gone at the second reading, or a period has turned in between, the item is opened with what was spent.';
const BILLING_EVENT =
  'Of drift between bill and records there is an event. billing.test.ts has it, under the same role.';
const LONG_SWEEP =
  'Where the time does not suffice for all profiles, the next sweep goes on from there: thousands of profiles.';

/**
 * What the roles allow and `roles.test.ts` does not see asked for, each with its reason: `<function>: <Sid>: <action> on|with <what>`.
 * An entry that is asked for after all fails the test, as one that is missing does.
 */
export const EXCEPTIONS: Readonly<Record<string, string>> = {
  'billing: EnterNotices: dynamodb:PutItem with EVENT#*': BILLING_EVENT,
  'billing: EnterNotices: dynamodb:UpdateItem with EVENT#*': BILLING_EVENT,
  'billing: PutEvents: events:PutEvents on arn:aws:events:us-east-1:123456789012:event-bus/bedrock-cost-governor-dev':
    BILLING_EVENT,
  'budget-hint: FindItems: dynamodb:Query with OPENING#*': LOST_ITEM,
  'budget-hint: FindItems: dynamodb:Query with USAGE#*': LOST_ITEM,
  'budget-hint: KeepTerms: dynamodb:UpdateItem with OPENING#*': LOST_ITEM,
  'ledger-watch: FindItems: dynamodb:Query with OPENING#*': LOST_ITEM,
  'ledger-watch: FindItems: dynamodb:Query with USAGE#*': LOST_ITEM,
  'ledger-watch: KeepTerms: dynamodb:UpdateItem with OPENING#*': LOST_ITEM,
  'resolve-profile: KeepFailures: sqs:SendMessage on arn:aws:sqs:us-east-1:123456789012:bedrock-cost-governor-dev-failed-invocations':
    'It answers whatever happens. What is kept is an invocation that ran out of time or memory, by a caller who did not wait.',
  'sweep: KeepProgress: dynamodb:PutItem on arn:aws:dynamodb:us-east-1:123456789012:table/bedrock-cost-governor-dev':
    LONG_SWEEP,
  'sweep: KeepProgress: dynamodb:PutItem with SWEEP': LONG_SWEEP,
};

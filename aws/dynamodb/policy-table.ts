import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { Fault } from '../../domain/fault.ts';
import type { Policy, PolicyReading } from '../../domain/policy/policy.ts';
import { asking } from '../asking.ts';
import { putItem, refuseNewer } from './item-schema.ts';

const KEY = { pk: { S: 'POLICY' }, sk: { S: 'CURRENT' } };

/** What was made of a text last: the same text is the same policy, in whichever table it stands. */
let latest: { readonly document: string; readonly reading: PolicyReading } | undefined;

/** The policy in force, as the document that was applied. Every function reads it at each start of its work. */
export function policyTable(client: DynamoDBClient, table: string) {
  let last: { readonly document: string; readonly policy: Policy } | undefined;
  // With its name: a table of another stage or Region is the likeliest mistake.
  const doing = `reading the policy in table ${table}`;
  const stored = async (): Promise<string | undefined> => {
    const answer = await asking(doing, () =>
      client.send(new GetItemCommand({ TableName: table, Key: KEY, ConsistentRead: true })),
    );
    refuseNewer('policy', doing, answer.Item);
    return answer.Item?.['document']?.S;
  };
  return {
    /** Whether exactly this document is in force. */
    async holds(document: unknown): Promise<boolean> {
      return (await stored()) === JSON.stringify(document);
    },

    /** As it was read last; undefined where it never was. */
    known: (): Policy | undefined => last?.policy,

    /**
     * The same object for as long as the same document is in force.
     *
     * @throws {Fault} `NoPolicy` before the first policy is applied, `PolicyInvalid` where this version refuses the stored one
     */
    async current(): Promise<Policy> {
      const document = await stored();
      if (document === undefined)
        throw new Fault('NoPolicy', {
          doing,
          problem: 'none has been applied',
          next: 'Apply a policy file to this table.',
        });
      if (last?.document === document) return last.policy;
      // The schemas of a policy are the largest part of what a function starts with, and its first request needs none of them.
      const { readPolicy } = await import('../../domain/policy/policy.ts');
      if (latest?.document !== document) latest = { document, reading: readPolicy(JSON.parse(document)) };
      const { reading } = latest;
      if (reading.kind === 'valid') {
        last = { document, policy: reading.policy };
        return reading.policy;
      }
      const problem = reading.problems.map(({ place, message }) => `${place}: ${message}`).join('; ');
      throw new Fault('PolicyInvalid', {
        doing,
        problem,
        next: 'Correct the policy file and apply it again.',
      });
    },

    /** Puts a document in force that {@link readPolicy} has found valid. */
    async apply(document: unknown): Promise<void> {
      const item = { ...KEY, document: { S: JSON.stringify(document) } };
      await putItem(client, { kind: 'policy', doing: 'applying the policy', table, item });
    },
  };
}

import * as yaml from 'yaml';
import * as z from 'zod';
import { logicalName } from './forwarding/forwarders.ts';

const Service = z.object({
  functions: z.record(z.string(), z.object({ role: z.string(), destinations: z.unknown().optional() })),
});

const NOTHING = { Ref: 'AWS::NoValue' };

/**
 * What `serverless.yml` and its resources take from `encryption.json`: the key for table, topics, queues and log groups, and
 * what the functions' roles need to use it. Without a key of the customer's, AWS's own encrypt table, queues and logs.
 *
 * The key's own policy has to admit AWS's services as well, and tenants that read the table: docs/deploying.md.
 */
export function encryptionOf(keyArn: string | undefined, serverlessYml: string) {
  if (keyArn === undefined) return { key: NOTHING, sqsManaged: true, resources: { Resources: {} } };
  const byName = Service.parse(yaml.parse(serverlessYml, { logLevel: 'silent' })).functions;
  const functions = Object.values(byName);
  // Who publishes to topics has a failure destination too; `lease`, which has none, sends nothing anywhere.
  const senders = functions.filter(({ destinations }) => destinations !== undefined);
  return {
    key: keyArn,
    sqsManaged: NOTHING,
    resources: {
      // osls makes the log groups, and names their key nowhere: it lets its resources be extended.
      extensions: Object.fromEntries(
        Object.keys(byName).map((name) => [`${logicalName(name)}LogGroup`, { Properties: { KmsKeyId: keyArn } }]),
      ),
      Resources: {
        // The table asks for the key with the caller's rights (DynamoDB developer guide, encryption at rest).
        DecryptTablePolicy: policy('decrypt-table', functions, ['kms:Decrypt'], keyArn, ['dynamodb']),
        // Who sends to an encrypted queue or topic needs both (SQS and SNS developer guides, key management).
        EncryptMessagesPolicy: policy('encrypt-messages', senders, ['kms:GenerateDataKey', 'kms:Decrypt'], keyArn, [
          'sqs',
          'sns',
        ]),
      },
    },
  };
}

const policy = (
  name: string,
  functions: readonly { readonly role: string }[],
  actions: readonly string[],
  keyArn: string,
  services: readonly string[],
) => ({
  Type: 'AWS::IAM::Policy',
  Properties: {
    PolicyName: name,
    Roles: functions.map(({ role }) => ({ Ref: role })),
    PolicyDocument: {
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'UseKey',
          Effect: 'Allow',
          Action: actions,
          Resource: keyArn,
          Condition: {
            StringEquals: {
              'kms:ViaService': services.map((service) => ({
                'Fn::Sub': `${service}.\${AWS::Region}.\${AWS::URLSuffix}`,
              })),
            },
          },
        },
      ],
    },
  },
});

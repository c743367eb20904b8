import { BedrockClient } from '@aws-sdk/client-bedrock';
import { BudgetsClient } from '@aws-sdk/client-budgets';
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CostExplorerClient } from '@aws-sdk/client-cost-explorer';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { IAMClient } from '@aws-sdk/client-iam';
import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { SNSClient } from '@aws-sdk/client-sns';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { AwsClients } from '../../infra/surroundings.ts';
import type { Host } from '../fleet/host.ts';
import type { Service } from '../run/faults.ts';
import type { Listener, Network } from './network.ts';

/** What a service does, by the name of the command that asks for it. */
// biome-ignore lint/suspicious/noExplicitAny: each operation knows the input of its command, and the name says which.
export type Operations = Readonly<Record<string, (input: any) => unknown>>;

export type Services = Readonly<Record<Service, Operations>>;

interface Command {
  readonly input: object;
}

/**
 * The seam: clients of the SDK's own classes, whose `send` hands the command to the simulated service instead of to the
 * middleware stack. Paginators take them for what they are, and a clock may listen to their answers.
 */
export function clientsOf(host: Host, services: Services, network: Network): AwsClients {
  const clientOf = <Client extends object>(Class: { readonly prototype: Client }, service: Service): Client => {
    const operations = services[service];
    const listeners: Listener[] = [];
    const client: Client = Object.create(Class.prototype);
    return Object.assign(client, {
      middlewareStack: { add: (listener: Listener) => void listeners.push(listener) },
      send: (command: Command): Promise<unknown> => {
        const { name } = command.constructor;
        const operation = operations[name];
        if (operation === undefined) throw new Error(`the simulated ${service} does not know ${name}`);
        return network.call(host, service, name, listeners, () => operation(command.input));
      },
    });
  };
  return {
    bedrock: () => clientOf(BedrockClient, 'bedrock'),
    budgets: () => clientOf(BudgetsClient, 'budgets'),
    cloudTrail: () => clientOf(CloudTrailClient, 'cloudtrail'),
    cloudWatch: () => clientOf(CloudWatchClient, 'cloudwatch'),
    costExplorer: () => clientOf(CostExplorerClient, 'cost-explorer'),
    dynamodb: () => clientOf(DynamoDBClient, 'dynamodb'),
    eventBridge: () => clientOf(EventBridgeClient, 'eventbridge'),
    iam: () => clientOf(IAMClient, 'iam'),
    sns: () => clientOf(SNSClient, 'sns'),
    ssm: () => clientOf(SSMClient, 'ssm'),
    tagging: () => clientOf(ResourceGroupsTaggingAPIClient, 'tagging'),
  };
}

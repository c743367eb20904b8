import type { Surroundings } from '../../infra/surroundings.ts';
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

/** Which service a client's class is for. */
const SERVICES: Readonly<Record<string, Service>> = {
  BedrockClient: 'bedrock',
  BudgetsClient: 'budgets',
  CloudTrailClient: 'cloudtrail',
  CloudWatchClient: 'cloudwatch',
  CostExplorerClient: 'cost-explorer',
  DynamoDBClient: 'dynamodb',
  EventBridgeClient: 'eventbridge',
  IAMClient: 'iam',
  LambdaClient: 'lambda',
  ResourceGroupsTaggingAPIClient: 'tagging',
  SNSClient: 'sns',
  SSMClient: 'ssm',
};

/**
 * The seam: clients of the SDK's own classes, whose `send` hands the command to the simulated service instead of to the
 * middleware stack. Paginators take them for what they are, and a clock may listen to their answers.
 */
export const clientsOf =
  (host: Host, services: Services, network: Network): Surroundings['client'] =>
  (Class) => {
    const service = SERVICES[Class.name];
    if (service === undefined) throw new Error(`there is no simulated service for ${Class.name}`);
    const operations = services[service];
    const listeners: Listener[] = [];
    const client: InstanceType<typeof Class> = Object.create(Class.prototype);
    return Object.assign(client as object, {
      middlewareStack: { add: (listener: Listener) => void listeners.push(listener) },
      send: (command: Command): Promise<unknown> => {
        const { name } = command.constructor;
        const operation = operations[name];
        if (operation === undefined) throw new Error(`the simulated ${service} does not know ${name}`);
        return network.call(host, service, name, listeners, () => operation(command.input));
      },
    }) as typeof client;
  };

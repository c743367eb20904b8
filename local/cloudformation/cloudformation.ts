import type { Scheduler } from '../eventbridge/scheduler.ts';
import type { Identifiers } from '../identifiers.ts';
import type { Lambda } from '../lambda/lambda.ts';
import type { Principals } from '../principals.ts';
import type { Service, World } from '../service.ts';
import type { Queues } from '../sqs.ts';
import { alarmResources } from './alarm-resources.ts';
import { costResources } from './cost-resources.ts';
import { eventResources } from './event-resources.ts';
import { functionResources } from './function-resources.ts';
import { messagingResources, type Perform } from './messaging-resources.ts';
import { otherResources } from './other-resources.ts';
import { roleResources } from './role-resources.ts';
import { type DeployedStack, type DeployOptions, deployStack, removeAll, type StackState } from './stack.ts';

export interface CloudFormationOptions {
  readonly world: World;
  readonly services: readonly Service[];
  readonly queues: Queues;
  readonly lambda: Lambda;
  readonly scheduler: Scheduler;
  readonly identifiers: Identifiers;
  /** Whether a table that is there before its stack is taken for the stack's: tables were kept on disk, and stacks were not. */
  readonly keepsTables: boolean;
  readonly principals: Principals;
  /** Whether alarms are made; otherwise they are only names. */
  readonly makesAlarms: boolean;
}

/** Deploys stacks from templates; there is no CloudFormation API in front. */
export interface CloudFormation {
  /** @throws {TemplateError} that names the resource which cannot be made */
  deploy(options: DeployOptions): Promise<DeployedStack>;
  /** Removes a stack; what its template retains stays. */
  remove(stackName: string, region: string): Promise<void>;
}

export function createCloudFormation(options: CloudFormationOptions): CloudFormation {
  const { world, services, identifiers } = options;
  const states = new Map<string, StackState>();

  const perform: Perform = async (signingName, operationName, input, region) => {
    const service = services.find((each) => each.signingName === signingName && operationName in each.operations);
    const operation = service?.operations[operationName];
    if (operation === undefined) throw new Error(`there is no operation ${signingName}:${operationName}`);
    return operation(input, {
      service: signingName,
      operation: operationName,
      region,
      requestId: identifiers.uuid(),
      headers: {},
      userAgent: 'cloudformation.amazonaws.com',
      principal: {
        accountId: world.accountId,
        accessKeyId: 'cloudformation',
        arn: `arn:aws:sts::${world.accountId}:assumed-role/cloudformation/deploy`,
        userId: 'AROACLOUDFORMATION:deploy',
      },
    });
  };

  return {
    deploy(deployOptions) {
      const region = deployOptions.region ?? world.homeRegion;
      const stackName = deployOptions.stackName ?? 'embedded';
      const state: StackState = states.get(`${region}/${stackName}`) ?? new Map();
      states.set(`${region}/${stackName}`, state);
      const types = {
        ...messagingResources(perform),
        ...eventResources(perform, options.scheduler),
        ...functionResources({ ...options, artifactsDir: deployOptions.artifactsDir }),
        ...otherResources(perform, options.keepsTables),
        ...roleResources(options.principals),
        ...(options.makesAlarms ? alarmResources(perform) : {}),
        ...costResources(perform),
      };
      return deployStack(deployOptions, { accountId: world.accountId, region, stackName, types, state });
    },

    async remove(stackName, region) {
      const state = states.get(`${region}/${stackName}`);
      if (state === undefined) return;
      await removeAll(state, () => true);
      states.delete(`${region}/${stackName}`);
    },
  };
}

import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
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
import { type Machine, thisMachine } from '../aws/machine.ts';
import type { Measured } from '../aws/powertools-journal.ts';

/** Makes the clients of AWS's services: in the Region of the function where none is named. */
export interface AwsClients {
  bedrock(region: string): BedrockClient;
  budgets(): BudgetsClient;
  cloudTrail(region: string): CloudTrailClient;
  cloudWatch(region?: string): CloudWatchClient;
  costExplorer(region?: string): CostExplorerClient;
  dynamodb(): DynamoDBClient;
  eventBridge(): EventBridgeClient;
  iam(): IAMClient;
  sns(): SNSClient;
  ssm(): SSMClient;
  tagging(region: string): ResourceGroupsTaggingAPIClient;
}

/** What a function writes its log and metrics with. */
export interface Voice {
  readonly logger: Pick<Logger, 'addContext' | 'info' | 'warn' | 'error'>;
  readonly metrics: Measured & Pick<Metrics, 'hasStoredMetrics'> & { publishStoredMetrics(): unknown };
}

/**
 * All that a function finds around itself. In Lambda that is Lambda and AWS; the simulation of docs/testing.md has others,
 * and everything above is the same.
 */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clients: AwsClients;
  readonly machine: Machine;
  voice(stage: string): Voice;
}

const inRegion = (region: string | undefined) => (region === undefined ? {} : { region });

const AWS: AwsClients = {
  bedrock: (region) => new BedrockClient({ region }),
  budgets: () => new BudgetsClient(),
  cloudTrail: (region) => new CloudTrailClient({ region }),
  cloudWatch: (region) => new CloudWatchClient(inRegion(region)),
  costExplorer: (region) => new CostExplorerClient(inRegion(region)),
  dynamodb: () => new DynamoDBClient(),
  eventBridge: () => new EventBridgeClient(),
  iam: () => new IAMClient(),
  sns: () => new SNSClient(),
  ssm: () => new SSMClient(),
  tagging: (region) => new ResourceGroupsTaggingAPIClient({ region }),
};

/** Those of the process, with another environment where one is given. */
export const inLambda = (environment: Surroundings['environment'] = process.env): Surroundings => ({
  environment,
  clients: AWS,
  machine: thisMachine,
  voice: (stage) => ({ logger: new Logger(), metrics: new Metrics({ defaultDimensions: { stage } }) }),
});

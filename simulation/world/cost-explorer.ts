import type {
  CreateAnomalyMonitorCommandInput,
  CreateAnomalySubscriptionCommandInput,
  GetCostAndUsageCommandInput,
  ListCostAllocationTagsCommandInput,
  UpdateAnomalySubscriptionCommandInput,
  UpdateCostAllocationTagsStatusCommandInput,
} from '@aws-sdk/client-cost-explorer';
import type { Operations } from './clients.ts';
import { ACCOUNT } from './profiles.ts';

/** Days are billed whole: nothing of the two days of a seed is, and of those before there was nothing. */
const DAY_MS = 86_400_000;

/** The billing of the account, as far as the governor sets it up: cost allocation tags, and who watches for anomalies. */
export class CostExplorer {
  readonly monitors: {
    readonly arn: string;
    readonly input: NonNullable<CreateAnomalyMonitorCommandInput['AnomalyMonitor']>;
  }[] = [];
  readonly subscriptions: {
    readonly arn: string;
    input: NonNullable<CreateAnomalySubscriptionCommandInput['AnomalySubscription']>;
  }[] = [];
  /** Keys that count in billing; the others are known and do not. */
  readonly active = new Set<string>();

  readonly operations: Operations = {
    ListCostAllocationTagsCommand: ({ TagKeys = [] }: ListCostAllocationTagsCommandInput) => ({
      CostAllocationTags: TagKeys.map((TagKey) => ({
        TagKey,
        Type: 'UserDefined',
        Status: this.active.has(TagKey) ? 'Active' : 'Inactive',
      })),
    }),
    UpdateCostAllocationTagsStatusCommand: ({
      CostAllocationTagsStatus = [],
    }: UpdateCostAllocationTagsStatusCommandInput) => {
      for (const { TagKey = '', Status } of CostAllocationTagsStatus) if (Status === 'Active') this.active.add(TagKey);
      return { Errors: [] };
    },
    GetAnomalyMonitorsCommand: () => ({
      AnomalyMonitors: this.monitors.map(({ arn, input }) => ({ MonitorArn: arn, ...input })),
    }),
    CreateAnomalyMonitorCommand: ({ AnomalyMonitor }: CreateAnomalyMonitorCommandInput) => {
      if (AnomalyMonitor === undefined) throw new Error('no monitor');
      const arn = `arn:aws:ce::${ACCOUNT}:anomalymonitor/m${this.monitors.length + 1}`;
      this.monitors.push({ arn, input: AnomalyMonitor });
      return { MonitorArn: arn };
    },
    GetAnomalySubscriptionsCommand: () => ({
      AnomalySubscriptions: this.subscriptions.map(({ arn, input }) => ({ SubscriptionArn: arn, ...input })),
    }),
    CreateAnomalySubscriptionCommand: ({ AnomalySubscription }: CreateAnomalySubscriptionCommandInput) => {
      if (AnomalySubscription === undefined) throw new Error('no subscription');
      const arn = `arn:aws:ce::${ACCOUNT}:anomalysubscription/s${this.subscriptions.length + 1}`;
      this.subscriptions.push({ arn, input: AnomalySubscription });
      return { SubscriptionArn: arn };
    },
    UpdateAnomalySubscriptionCommand: ({ SubscriptionArn, ...change }: UpdateAnomalySubscriptionCommandInput) => {
      for (const subscription of this.subscriptions)
        if (subscription.arn === SubscriptionArn)
          subscription.input = { ...subscription.input, ...change } as typeof subscription.input;
      return { SubscriptionArn };
    },
    GetCostAndUsageCommand: ({ TimePeriod }: GetCostAndUsageCommandInput) => {
      const days: object[] = [];
      for (let at = Date.parse(TimePeriod?.Start ?? ''); at < Date.parse(TimePeriod?.End ?? ''); at += DAY_MS)
        days.push({
          TimePeriod: { Start: dayOf(at), End: dayOf(at + DAY_MS) },
          Groups: [
            { Keys: ['tenant$acme', 'Amazon Bedrock'], Metrics: { UnblendedCost: { Amount: '0', Unit: 'USD' } } },
          ],
        });
      return { ResultsByTime: days };
    },
  };
}

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

import {
  type CostExplorerClient,
  CreateAnomalyMonitorCommand,
  CreateAnomalySubscriptionCommand,
  type Expression,
  GetAnomalyMonitorsCommand,
  GetAnomalySubscriptionsCommand,
  ListCostAllocationTagsCommand,
  UpdateAnomalySubscriptionCommand,
  UpdateCostAllocationTagsStatusCommand,
} from '@aws-sdk/client-cost-explorer';
import type {
  AnomalyDetection,
  AnomalyMonitor,
  AnomalySubscription,
  WantedSubscription,
} from '../domain/budgets/anomaly-watch.ts';
import { activations, inBatches } from '../domain/budgets/cost-tag-key.ts';
import type { CostTags } from '../domain/budgets/cost-tags.ts';
import type { Refused } from '../domain/budgets/payer.ts';
import { awsAmount, parseUsd } from '../domain/money.ts';
import { asking, errorName } from './asking.ts';
import type { Pace } from './pace.ts';
import { allPages } from './pages.ts';

/** ListCostAllocationTags takes so many keys (API reference). */
const MOST_KEYS_ASKED = 100;

/** Cost allocation tags, as the account that pays may read and activate them. */
export function costExplorerTags(client: CostExplorerClient, pace: Pick<Pace, 'keep'>): CostTags {
  return {
    async read(keys) {
      return await orRefused('reading the cost allocation tags', async () => {
        const states = new Map<string, 'active' | 'inactive'>();
        for (let from = 0; from < keys.length; from += MOST_KEYS_ASKED) {
          const TagKeys = keys.slice(from, from + MOST_KEYS_ASKED);
          const pages = allPages(async (NextToken) =>
            pace.keep(() =>
              client.send(
                new ListCostAllocationTagsCommand({ TagKeys, Type: 'UserDefined', MaxResults: 1000, NextToken }),
              ),
            ),
          );
          for await (const page of pages)
            for (const { TagKey, Status } of page.CostAllocationTags ?? [])
              if (TagKey !== undefined) states.set(TagKey, Status === 'Active' ? 'active' : 'inactive');
        }
        return states;
      });
    },

    async activate(keys) {
      return await orRefused('activating cost allocation tags', async () => {
        const errors = new Map<string, string>();
        for (const batch of inBatches(keys)) {
          const { Errors = [] } = await pace.keep(() =>
            client.send(new UpdateCostAllocationTagsStatusCommand({ CostAllocationTagsStatus: activations(batch) })),
          );
          // A success that names keys is none for them.
          for (const { TagKey = '', Code, Message } of Errors) errors.set(TagKey, `${Code}: ${Message}`);
        }
        return errors;
      });
    },
  };
}

/** Cost Anomaly Detection on tags, as the account that pays may set it up. */
export function costExplorerAnomalies(client: CostExplorerClient, pace: Pick<Pace, 'keep'>): AnomalyDetection {
  return {
    async monitors() {
      return await orRefused('reading the anomaly monitors', async () => {
        const monitors: AnomalyMonitor[] = [];
        const pages = allPages(async (NextPageToken) => {
          const page = await pace.keep(() =>
            client.send(new GetAnomalyMonitorsCommand({ MaxResults: 100, NextPageToken })),
          );
          return { ...page, NextToken: page.NextPageToken };
        });
        for await (const page of pages)
          for (const { MonitorArn, MonitorName = '', MonitorDimension, MonitorSpecification } of page.AnomalyMonitors ??
            []) {
            const tagKey = MonitorDimension === 'TAG' ? MonitorSpecification?.Tags?.Key : undefined;
            if (MonitorArn !== undefined)
              monitors.push({ arn: MonitorArn, name: MonitorName, ...(tagKey === undefined ? {} : { tagKey }) });
          }
        return monitors;
      });
    },

    async watchTag(name, tagKey) {
      return await orRefused(`creating the anomaly monitor ${name}`, async () => {
        const { MonitorArn } = await pace.keep(() =>
          client.send(
            new CreateAnomalyMonitorCommand({
              AnomalyMonitor: {
                MonitorName: name,
                MonitorType: 'DIMENSIONAL',
                MonitorDimension: 'TAG',
                MonitorSpecification: { Tags: { Key: tagKey } },
              },
            }),
          ),
        );
        if (MonitorArn === undefined) throw new Error('the answer has no MonitorArn');
        return MonitorArn;
      });
    },

    async subscriptions() {
      return await orRefused('reading the anomaly subscriptions', async () => {
        const subscriptions: AnomalySubscription[] = [];
        const pages = allPages(async (NextPageToken) => {
          const page = await pace.keep(() =>
            client.send(new GetAnomalySubscriptionsCommand({ MaxResults: 100, NextPageToken })),
          );
          return { ...page, NextToken: page.NextPageToken };
        });
        for await (const page of pages)
          for (const each of page.AnomalySubscriptions ?? []) {
            const impact = impactOf(each.ThresholdExpression);
            if (each.SubscriptionArn === undefined) continue;
            subscriptions.push({
              arn: each.SubscriptionArn,
              name: each.SubscriptionName ?? '',
              frequency: each.Frequency ?? '',
              monitors: each.MonitorArnList ?? [],
              topics: (each.Subscribers ?? []).flatMap(({ Type, Address }) =>
                Type === 'SNS' && Address !== undefined ? [Address] : [],
              ),
              ...(impact === undefined ? {} : { impact }),
            });
          }
        return subscriptions;
      });
    },

    async subscribe(wanted) {
      return await orRefused(`creating the anomaly subscription ${wanted.name}`, async () => {
        await pace.keep(() =>
          client.send(
            new CreateAnomalySubscriptionCommand({
              AnomalySubscription: { SubscriptionName: wanted.name, Frequency: 'IMMEDIATE', ...membersOf(wanted) },
            }),
          ),
        );
        return 'subscribed' as const;
      });
    },

    async resubscribe(arn, wanted) {
      return await orRefused(`updating the anomaly subscription ${wanted.name}`, async () => {
        await pace.keep(() =>
          client.send(new UpdateAnomalySubscriptionCommand({ SubscriptionArn: arn, ...membersOf(wanted) })),
        );
        return 'subscribed' as const;
      });
    },
  };
}

const membersOf = ({ monitors, topics, impact }: WantedSubscription) => ({
  MonitorArnList: [...monitors],
  Subscribers: topics.map((Address) => ({ Type: 'SNS' as const, Address })),
  ThresholdExpression: {
    Dimensions: {
      Key: 'ANOMALY_TOTAL_IMPACT_ABSOLUTE' as const,
      MatchOptions: ['GREATER_THAN_OR_EQUAL' as const],
      Values: [awsAmount(impact)],
    },
  },
});

/** Undefined for a threshold that says something else, or more. */
function impactOf(expression: Expression | undefined) {
  const { Key, Values = [] } = expression?.Dimensions ?? {};
  const [value, ...more] = Values;
  if (Key !== 'ANOMALY_TOTAL_IMPACT_ABSOLUTE' || value === undefined || more.length > 0) return undefined;
  return parseUsd(value);
}

/**
 * An account that does not pay is told so in several ways (UNVERIFIED which, by operation): by a denial, or in a message
 * that names linked accounts. Both are answers, and no fault.
 */
export async function orRefused<T>(doing: string, request: () => Promise<T>): Promise<T | Refused> {
  try {
    return await asking(doing, request);
  } catch (fault) {
    const cause = fault instanceof Error ? fault.cause : undefined;
    const message = cause instanceof Error ? cause.message : '';
    if (/^(AccessDenied|NotAuthorized|Unauthorized)/.test(errorName(cause)) || /linked account/i.test(message))
      return { kind: 'refused', why: `${errorName(cause)}: ${message}` };
    throw fault;
  }
}

import type { BillingPorts } from '../budgets/run-billing.ts';
import type { Note } from './intention.ts';

/** What the daily look at billing reads. */
export type BillingReads = Omit<BillingPorts, 'journal' | 'gauges' | 'outbox'>;

/** In the place of the ARN of a monitor that a replay does not make. */
const NOT_MADE = 'a monitor that is not made';

/** The ports of the daily look at billing, of which each write is noted and none is made; nor is the run claimed. */
export function dryBilling(
  real: BillingReads,
  told: Pick<BillingPorts, 'journal' | 'gauges' | 'outbox'>,
  note: Note,
): BillingPorts {
  return {
    ...real,
    ...told,
    costTags: {
      read: (keys) => real.costTags.read(keys),
      async activate(keys) {
        note('billing', `activate the cost allocation tags ${keys.join(', ')}`);
        return new Map();
      },
    },
    anomalies: {
      monitors: () => real.anomalies.monitors(),
      subscriptions: () => real.anomalies.subscriptions(),
      async watchTag(name, tagKey) {
        note('billing', `make the anomaly monitor ${name} of tag ${tagKey}`);
        return NOT_MADE;
      },
      async subscribe({ name, topics }) {
        note('billing', `make the anomaly subscription ${name}, which tells ${topics.join(', ')}`);
        return 'subscribed';
      },
      async resubscribe(_arn, { name, topics }) {
        note('billing', `make the anomaly subscription ${name} as the policy says; it tells ${topics.join(', ')}`);
        return 'subscribed';
      },
    },
    memory: {
      read: () => real.memory.read(),
      keep: async () => note('memory', 'what was said about billing, and until when it was compared'),
      claim: async () => true,
      release: async () => {},
    },
  };
}

import { Fault } from '../fault.ts';
import type { NoticeOutbox } from '../standing/notice.ts';
import { type AnomalyPorts, type AnomalyWatch, anomalyDocuments, watchForAnomalies } from './anomaly-watch.ts';
import type { BillingMemories, BillingMemory } from './billing-memory.ts';
import { billingNeedsPayer, driftDetected } from './billing-notices.ts';
import { checkDrift, type DriftPorts, type DriftReport } from './check-drift.ts';
import { activateCostTags, type CostTagReport, type CostTags, costTagKeys } from './cost-tags.ts';
import type { DriftDetected } from './drift.ts';
import { anomalyPart, costsPart, isRefused, type PayersPart, type Refused, tagActivationPart } from './payer.ts';

export interface BillingPorts extends AnomalyPorts, DriftPorts {
  readonly accountId: string;
  readonly costTags: CostTags;
  readonly memory: BillingMemories;
  readonly outbox: Pick<NoticeOutbox, 'enter'>;
}

export interface BillingReport {
  readonly costTags?: CostTagReport | Refused;
  readonly anomalies?: AnomalyWatch | Refused;
  readonly drift?: Omit<DriftReport, 'detected'> | Refused;
  /** Drifts that were not said before. */
  readonly detected: readonly DriftDetected[];
}

/**
 * The daily look at billing: cost allocation tags active, one anomaly monitor with one subscription, the bill compared
 * with the records. Each part is its own: one that fails holds up no other, and a run that broke off is repeated whole
 * without harm. What only the payer may do is told once, with the command for it.
 *
 * @param timeLeft milliseconds until the process is ended
 * @throws {Fault} `BillingIncomplete` after all parts, where one of them failed, and `BillingBusy` where another run is at
 *   it: the run is to be repeated
 */
export async function runBilling(ports: BillingPorts, timeLeft: () => number): Promise<BillingReport> {
  if (!(await ports.memory.claim(Math.min(timeLeft(), LONGEST_RUN_MS))))
    throw new Fault('BillingBusy', {
      doing: 'looking at billing',
      problem: 'another run is at it, or broke off moments ago',
      next: 'It is repeated by itself.',
    });
  try {
    return await new BillingRun(ports, await ports.memory.read()).run();
  } finally {
    await ports.memory.release();
  }
}

/** No run of a function is longer (Lambda quotas). */
const LONGEST_RUN_MS = 900_000;

class BillingRun {
  readonly #ports: BillingPorts;
  readonly #before: BillingMemory;
  /** What is said in this run, or was before and is still so. */
  readonly #said = new Set<string>();
  readonly #failed: string[] = [];

  constructor(ports: BillingPorts, before: BillingMemory) {
    this.#ports = ports;
    this.#before = before;
  }

  async run(): Promise<BillingReport> {
    const ports = this.#ports;
    const costTags = await this.#attempt('cost-tags', 'the cost allocation tags', () => this.#activate());
    const anomalies = await this.#attempt('anomalies', 'anomaly detection', () => this.#watch(costTags));
    const drift = await this.#attempt('costs', 'the bill', async () => {
      const report = await checkDrift(ports, this.#before.comparedUntil);
      if (isRefused(report)) await this.#leaveToPayer(costsPart(ports.accountId), report);
      return report;
    });
    const detected = drift === undefined || isRefused(drift) ? [] : await this.#tellDrifts(drift);
    const comparedUntil = drift === undefined || isRefused(drift) ? this.#before.comparedUntil : drift.comparedUntil;
    await this.#remember({
      said: [...this.#said].sort(),
      ...(comparedUntil === undefined ? {} : { comparedUntil }),
    });
    if (this.#failed.length > 0)
      throw new Fault('BillingIncomplete', {
        doing: 'looking at billing',
        problem: `${this.#failed.join(', ')} could not be read or written`,
        next: 'It is repeated by itself, and every day. The log says what failed and why.',
      });
    return {
      ...(costTags === undefined ? {} : { costTags }),
      ...(anomalies === undefined ? {} : { anomalies }),
      ...(drift === undefined ? {} : { drift: isRefused(drift) ? drift : withoutDetected(drift) }),
      detected,
    };
  }

  async #activate(): Promise<CostTagReport | Refused | undefined> {
    const { policy } = this.#ports;
    if (policy.costAllocationTags === 'leave') return undefined;
    const report = await activateCostTags(this.#ports);
    if (isRefused(report)) await this.#leaveToPayer(tagActivationPart(costTagKeys(policy)), report);
    return report;
  }

  /** A monitor of a tag that does not count sees nothing, and AWS may refuse it (UNVERIFIED). */
  async #watch(costTags: CostTagReport | Refused | undefined): Promise<AnomalyWatch | Refused> {
    const ports = this.#ports;
    const { anomalies, tenantTag, costAllocationTags } = ports.policy;
    if (anomalies === 'off') return 'off';
    const isActive = costTags === undefined ? costAllocationTags === 'leave' : isActiveIn(costTags, tenantTag);
    if (!isRefused(costTags) && !isActive) return 'waiting';
    // Who may not activate tags may not watch them either.
    const outcome = isRefused(costTags) ? costTags : await watchForAnomalies(ports);
    if (isRefused(outcome)) await this.#leaveToPayer(anomalyPart(anomalyDocuments(ports, anomalies.impact)), outcome);
    return outcome;
  }

  async #leaveToPayer(part: PayersPart, { why }: Refused): Promise<void> {
    const { accountId, journal, outbox } = this.#ports;
    const notice = billingNeedsPayer(part, { accountId, why });
    await outbox.enter(notice);
    if (!this.#before.said.includes(part.id)) {
      journal.decided('leave to payer', { what: part.what, because: why, command: part.command });
      journal.counted('BillingNeedsPayer', { what: part.what });
    }
    this.#said.add(part.id);
  }

  async #tellDrifts({ detected }: DriftReport): Promise<readonly DriftDetected[]> {
    const { outbox, journal } = this.#ports;
    const fresh: DriftDetected[] = [];
    for (const drift of detected) {
      const notice = driftDetected(drift);
      await outbox.enter(notice);
      this.#said.add(notice.id);
      if (this.#before.said.includes(notice.id)) continue;
      fresh.push(drift);
      journal.counted('DriftDetected', {
        day: drift.day,
        tenant: drift.tenant,
        percent: drift.percent,
        billed: String(drift.billed),
        recorded: String(drift.settled),
      });
    }
    return fresh;
  }

  /** What a part that failed had said before stays said. */
  async #attempt<Result>(
    topic: keyof typeof FOLLOWING,
    what: string,
    work: () => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#failed.push(what);
      for (const said of this.#before.said)
        if (FOLLOWING[topic].some((kind) => said.startsWith(`${kind}|`))) this.#said.add(said);
      this.#ports.journal.counted('BillingFailed', {
        what,
        error: error instanceof Error ? error.message : String(error),
      });
      return undefined;
    }
  }

  async #remember(memory: BillingMemory): Promise<void> {
    if (JSON.stringify(memory) === JSON.stringify({ ...this.#before, said: [...this.#before.said].sort() })) return;
    await this.#ports.memory.keep(memory);
  }
}

/** What was said by each part, and by those that begin only after it. */
const FOLLOWING = {
  'cost-tags': ['cost-tags', 'anomalies'],
  anomalies: ['anomalies'],
  costs: ['costs', 'drift'],
} as const;

const isActiveIn = (costTags: CostTagReport | Refused, key: string): boolean =>
  !isRefused(costTags) && costTags.active.includes(key);

function withoutDetected({ compared, comparedUntil }: DriftReport): Omit<DriftReport, 'detected'> {
  return { compared, ...(comparedUntil === undefined ? {} : { comparedUntil }) };
}

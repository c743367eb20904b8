import type { Journal } from '../journal.ts';
import type { Policy } from '../policy/policy.ts';
import { assess, describeMending } from '../profiles/compliance.ts';
import { describeViolation } from '../profiles/violation.ts';
import type { Tags } from '../tags.ts';
import type { ResourceArn } from './resource-arn.ts';

export interface TaggedResource {
  readonly arn: ResourceArn;
  /** As ARNs name it: `agent`, `provisioned-model`, `knowledge-base`. */
  readonly type: string;
  readonly tags: Tags;
}

/** The resources of Bedrock other than application inference profiles, as AWS lists them with their tags. */
export interface TaggedResources {
  /** Resources that never had a tag may be left out. Throws where the list could not be read to its end. */
  list(region: string): AsyncIterable<TaggedResource>;
}

export interface ResourceAssessment {
  readonly policy: Pick<Policy, 'tags' | 'regions'>;
  readonly resources: TaggedResources;
  readonly journal: Journal;
}

export interface ResourceReport {
  readonly resources: number;
  readonly compliant: number;
  /** Those that are not, with what the policy wants of each. */
  readonly violating: readonly {
    readonly arn: ResourceArn;
    readonly type: string;
    readonly because: readonly string[];
  }[];
  /** Regions whose resources could not be read to the end: nothing is concluded about those that were not seen. */
  readonly failed: readonly string[];
}

/** A log line has room for so many; all are counted. */
const TOLD = 100;

/**
 * Assesses the tags of everything else in Bedrock that costs money by the tag policy of profiles, and tells. That is
 * all: nothing is mended, closed or quarantined, also where a default would do.
 */
export async function assessResources(ports: ResourceAssessment): Promise<ResourceReport> {
  const violating: ResourceReport['violating'][number][] = [];
  const failed: string[] = [];
  let resources = 0;
  for (const region of ports.policy.regions)
    try {
      for await (const { arn, type, tags } of ports.resources.list(region)) {
        resources++;
        const because = shortcomings(ports.policy, arn, tags);
        if (because.length > 0) violating.push({ arn, type, because });
      }
    } catch (error) {
      failed.push(region);
      ports.journal.counted('ResourceReadFailed', {
        region,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  if (violating.length > 0)
    ports.journal.decided('report resources', {
      resources,
      violating: violating.length,
      because: violating.slice(0, TOLD).map(({ arn, because }) => `${arn}: ${because.join('; ')}`),
    });
  for (const _ of violating) ports.journal.counted('ResourceViolating');
  return { resources, compliant: resources - violating.length, violating, failed };
}

function shortcomings(policy: Pick<Policy, 'tags'>, arn: string, tags: Tags): readonly string[] {
  const [, , , , account = ''] = arn.split(':');
  const compliance = assess(policy, tags, account);
  switch (compliance.kind) {
    case 'compliant':
      return [];
    case 'remediable':
      return describeMending(compliance).map((mending) => `a profile would be mended (${mending})`);
    case 'violating':
      return compliance.violations.map(describeViolation);
  }
}

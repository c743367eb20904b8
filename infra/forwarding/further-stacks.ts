import type { Policy } from '../../domain/policy/policy.ts';
import type { Deployment } from '../deployment.ts';
import { type ForwardedRule, forwardersOf, type Template } from './forwarders.ts';
import { payerTemplate } from './payer-template.ts';
import { regionTemplate } from './region-template.ts';

/** A stack beside the governor's own. */
export interface FurtherStack {
  readonly fileName: string;
  readonly region: string;
  readonly account: 'own' | 'payer';
  /** For people: `in eu-west-1`. */
  readonly where: string;
  readonly template: Template;
}

/**
 * The stacks of further Regions, and that of the payer. The latter is made by the policy, which says what is watched: where
 * no policy is known, there is none, and the function `billing` tells what the payer is to do.
 */
export function furtherStacks(
  deployment: Deployment,
  rules: readonly ForwardedRule[],
  policy: Policy | undefined,
): readonly FurtherStack[] {
  return forwardersOf(deployment).flatMap((forwarder): FurtherStack[] => {
    const { region, account } = forwarder;
    if (account === 'own') {
      const template = regionTemplate(deployment, forwarder, rules);
      return [{ fileName: `region-${region}.template.json`, region, account, where: `in ${region}`, template }];
    }
    const template = policy === undefined ? undefined : payerTemplate(deployment, forwarder, rules, policy);
    if (template === undefined) return [];
    const where = `in ${region} of account ${deployment.payerAccountId}, which pays`;
    return [{ fileName: 'payer.template.json', region, account, where, template }];
  });
}

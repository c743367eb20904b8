import type { GovernedCall } from './governed-call.ts';

/** What the governor did with a call, in the answer's `$metadata`. */
export interface GovernanceNote {
  /** ARN of the profile that answered. */
  readonly profile: string;
  /** The foundation model behind it. */
  readonly model: string;
  /** The model that was asked for, where a throttled budget led to a cheaper one. */
  readonly insteadOf?: string;
}

const MEMBER = 'costGovernor';

/** Reads the note from the answer to a governed call; undefined in any other. */
export function governanceOf(output: { readonly $metadata: object }): GovernanceNote | undefined {
  return Reflect.get(output.$metadata, MEMBER) as GovernanceNote | undefined;
}

export function note<Output extends object>(output: Output, { entry, insteadOf }: GovernedCall): Output {
  if (!('$metadata' in output)) return output;
  const governance: GovernanceNote = {
    profile: entry.arn,
    model: entry.baseModelId,
    ...(insteadOf === undefined ? {} : { insteadOf }),
  };
  return { ...output, $metadata: { ...(output.$metadata as object), [MEMBER]: governance } };
}

/** What the governor did with a call, in the answer's `$metadata`. */
export interface GovernanceNote {
  /** ARN of the profile that answered. */
  readonly profile: string;
  /** The foundation model behind it. */
  readonly model: string;
  /** The model that was asked for, where a throttled budget led to a cheaper one. */
  readonly insteadOf?: string;
}

/** A call as its note is concerned. */
interface NotedCall {
  /** Has the note of all calls that go where they were meant to. */
  readonly route: { readonly note: GovernanceNote };
  readonly insteadOf: string | undefined;
}

const MEMBER = 'costGovernor';

/** Reads the note from the answer to a governed call; undefined in any other. */
export function governanceOf(output: { readonly $metadata: object }): GovernanceNote | undefined {
  return Reflect.get(output.$metadata, MEMBER) as GovernanceNote | undefined;
}

/** Notes it in the answer itself, which the SDK has made for this call alone. */
export function note(output: object, { route, insteadOf }: NotedCall): void {
  const metadata: unknown = Reflect.get(output, '$metadata');
  if (typeof metadata !== 'object' || metadata === null) return;
  Reflect.set(metadata, MEMBER, insteadOf === undefined ? route.note : { ...route.note, insteadOf });
}

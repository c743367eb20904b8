import type { Tags } from '../tags.ts';
import { COPY_FROM_TAG } from './copy-from.ts';
import type { DeclaredProfile } from './declared-profiles.ts';
import type { PlannedAction } from './plan-profiles.ts';
import type { ProfileArn } from './profile-arn.ts';
import type { Profiles } from './profiles.ts';

export type Creation =
  | { readonly kind: 'created'; readonly arn: ProfileArn }
  /** Something else has the name, or was asked for under the same token. */
  | { readonly kind: 'conflict'; readonly why: string }
  /** The Region holds no more profiles. */
  | { readonly kind: 'quota-exceeded'; readonly why: string }
  /** AWS does not offer the model there, or not to be copied from, or refuses the request as such. */
  | { readonly kind: 'refused'; readonly why: string };

/** Makes application inference profiles. */
export interface ProfileMaker {
  /**
   * The same profile asked for again, also by another process, gives the one that was made (for as long as AWS remembers
   * the request's token, which is UNVERIFIED).
   *
   * @throws {Fault} where AWS could not be asked or denies it: whether the profile was made is then not known
   */
  create(profile: DeclaredProfile): Promise<Creation>;
}

export interface PlanPorts {
  readonly profiles: Pick<Profiles, 'tag'>;
  readonly maker: ProfileMaker;
  /** Resolves when the next write may be made: AWS tells no rate for them. */
  pace(): Promise<void>;
}

export type Applied =
  | { readonly kind: 'created' | 'adopted'; readonly action: PlannedAction; readonly arn: ProfileArn }
  | { readonly kind: 'not-done'; readonly action: PlannedAction; readonly why: string };

/**
 * Works off the actions of a plan, one after the other, and tells of each that it has done. Each is one request, which
 * AWS carries out as a whole or not at all: whoever stops listening between two of them, or is killed, leaves nothing
 * half-made, and a new plan shows what is left.
 *
 * @throws {Fault} when AWS cannot be reached or denies the request; what was told until then is done
 */
export async function* applyPlan(ports: PlanPorts, plan: readonly PlannedAction[]): AsyncGenerator<Applied> {
  const full = new Map<string, string>();
  for (const action of plan) {
    if (action.kind === 'adopt') {
      await ports.pace();
      await ports.profiles.tag(action.found.arn, { [COPY_FROM_TAG]: action.declared.model });
      yield { kind: 'adopted', action, arn: action.found.arn };
    }
    if (action.kind !== 'create') continue;
    const { region } = action.declared;
    const why = full.get(region);
    if (why !== undefined) {
      yield { kind: 'not-done', action, why };
      continue;
    }
    await ports.pace();
    const creation = await ports.maker.create(action.declared);
    if (creation.kind === 'created') yield { kind: 'created', action, arn: creation.arn };
    else {
      if (creation.kind === 'quota-exceeded') full.set(region, creation.why);
      yield { kind: 'not-done', action, why: creation.why };
    }
  }
}

/** With the tags that are declared the profile carries what it was copied from: both from its first moment on. */
export const tagsAtCreation = ({ tags, model }: DeclaredProfile): Tags => ({ ...tags, [COPY_FROM_TAG]: model });

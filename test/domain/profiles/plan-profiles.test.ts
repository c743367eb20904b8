import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Applied, applyPlan, type Creation, tagsAtCreation } from '../../../domain/profiles/apply-plan.ts';
import { COPY_FROM_TAG } from '../../../domain/profiles/copy-from.ts';
import type { DeclaredProfile } from '../../../domain/profiles/declared-profiles.ts';
import { type PlannedAction, planProfiles, type SeenProfile } from '../../../domain/profiles/plan-profiles.ts';
import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import type { Tags } from '../../../domain/tags.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { profileArn } from '../governed-account.ts';

const NOVA = 'amazon.nova-pro-v1:0';
const SONNET = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';

const policyWith = (changes: Record<string, unknown> = {}, others: Record<string, unknown> = {}) =>
  policyOf(
    policyDocument({
      declaredProfiles: [
        {
          for: { tenant: ['acme', 'globex'] },
          tags: { environment: 'prod', team: 'claims' },
          models: [NOVA, SONNET],
          regions: ['us-east-1'],
          ...changes,
        },
      ],
      ...others,
    }),
  );
const ACME: Tags = { tenant: 'acme', environment: 'prod', team: 'claims' };

const seen = (id: string, changes: Partial<SeenProfile> = {}): SeenProfile => ({
  arn: profileArn(id),
  name: `by-hand-${id}`,
  baseModelId: NOVA,
  source: 'in-region',
  tags: ACME,
  ...changes,
});
const kinds = (actions: readonly PlannedAction[]): string[] => actions.map(({ kind }) => kind);
const actionFor = (actions: readonly PlannedAction[], name: string): PlannedAction | undefined =>
  actions.find((action) => action.kind !== 'surplus' && action.declared.name === name);

describe('a plan of declared profiles', () => {
  it('creates what is missing', () => {
    expect(kinds(planProfiles(policyWith(), []))).toEqual(['create', 'create', 'create', 'create']);
  });

  it('adopts what has the model and the tags, whatever its name', () => {
    const found = seen('a');
    const actions = planProfiles(policyWith(), [found]);
    expect(kinds(actions)).toEqual(['adopt', 'create', 'create', 'create']);
    expect(actions[0]).toMatchObject({ found, declared: { name: 'acme-amazon-nova-pro-v1-0' } });
  });

  it('leaves alone what is as declared, with tags that the policy does not know and a standing', () => {
    const tags = { ...ACME, [COPY_FROM_TAG]: NOVA, 'created-by': 'terraform', 'governor:standing': 'closed' };
    expect(kinds(planProfiles(policyWith(), [seen('a', { tags })]))).toEqual(['keep', 'create', 'create', 'create']);
  });

  it.each<[string, Partial<SeenProfile>]>([
    ['of another tenant', { tags: { ...ACME, tenant: 'initech' } }],
    ['with one more tag of the policy', { tags: { ...ACME, owner: 'jane' } }],
    ['without a declared tag', { tags: { tenant: 'acme', environment: 'prod' } }],
    ['of another model', { baseModelId: 'amazon.nova-lite-v1:0' }],
    ['of the same model, served elsewhere', { source: 'geo', geography: 'us' }],
    ['of another Region', { arn: profileArn('a', 'eu-central-1') }],
  ])('takes no profile %s for the declared one', (_, changes) => {
    expect(kinds(planProfiles(policyWith(), [seen('a', changes)]))).toEqual(['create', 'create', 'create', 'create']);
  });

  it('takes a geographic profile for the declared one unless its Regions tell another geography', () => {
    const sonnet = { baseModelId: 'anthropic.claude-sonnet-4-5-20250929-v1:0', source: 'geo' as const };
    const adopted = (found: SeenProfile) => kinds(planProfiles(policyWith(), [found])).includes('adopt');
    expect(adopted(seen('a', { ...sonnet, geography: 'us' }))).toBe(true);
    expect(adopted(seen('a', sonnet))).toBe(true);
    expect(adopted(seen('a', { ...sonnet, geography: 'eu' }))).toBe(false);
  });

  it('shows what stands in the way of a name, and what differs', () => {
    const name = 'acme-amazon-nova-pro-v1-0';
    const actions = planProfiles(policyWith(), [seen('a', { name, tags: { ...ACME, team: 'sales' } })]);
    expect(actionFor(actions, name)).toMatchObject({
      kind: 'conflict',
      because: `${profileArn('a')} has this name, and is another profile: it has tenant=acme, environment=prod, team=sales, declared is tenant=acme, environment=prod, team=claims`,
    });
    const other = planProfiles(policyWith(), [seen('a', { name, baseModelId: 'amazon.nova-lite-v1:0' })]);
    expect(actionFor(other, name)).toMatchObject({
      kind: 'conflict',
      because: expect.stringMatching(/it is of amazon.nova-lite-v1:0 \(in-region\), declared is amazon.nova-pro-v1:0$/),
    });
  });

  it('shows recorded profiles that are declared no longer, and no others', () => {
    const recorded = seen('a', { tags: { ...ACME, tenant: 'initech', [COPY_FROM_TAG]: NOVA } });
    const foreign = seen('b', { tags: { ...ACME, tenant: 'initech' } });
    const actions = planProfiles(policyOf(), [recorded, foreign]);
    expect(actions).toEqual([{ kind: 'surplus', found: recorded }]);
  });

  it('creates no more than the Region has room for', () => {
    const others = ['a', 'b'].map((id) => seen(id, { tags: {} }));
    const actions = planProfiles(policyWith({}, { profileQuota: 4 }), others);
    expect(kinds(actions)).toEqual(['create', 'create', 'conflict', 'conflict']);
  });

  it('does not take the last tag of a profile, which its standing may need', () => {
    const many = Object.fromEntries(Array.from({ length: 46 }, (_, number) => [`x${number}`, 'y']));
    expect(kinds(planProfiles(policyWith(), [seen('a', { tags: { ...ACME, ...many } })]))[0]).toBe('conflict');
  });
});

/** Bedrock of one Region, as far as a plan is applied to it. Names are unique. */
class Bedrock {
  readonly profiles: SeenProfile[];
  room = 1_000;
  requests = 0;
  /** The request after which the process dies: before or after AWS has done it. */
  death: { at: number; when: 'before' | 'after' } | undefined;

  constructor(profiles: readonly SeenProfile[] = []) {
    this.profiles = [...profiles];
  }

  readonly ports = {
    pace: async () => {},
    profiles: {
      tag: (arn: ProfileArn, tags: Tags): Promise<void> =>
        this.#request(() => {
          const at = this.profiles.findIndex((profile) => profile.arn === arn);
          const found = this.profiles[at];
          if (found === undefined) throw new Error(`no ${arn}`);
          this.profiles[at] = { ...found, tags: { ...found.tags, ...tags } };
        }),
    },
    maker: {
      create: (declared: DeclaredProfile): Promise<Creation> => this.#request(() => this.#create(declared)),
    },
  };

  #create(declared: DeclaredProfile): Creation {
    if (this.profiles.some(({ name }) => name === declared.name)) return { kind: 'conflict', why: 'name taken' };
    if (this.profiles.length >= this.room) return { kind: 'quota-exceeded', why: 'no room' };
    const arn = profileArn(`new${this.profiles.length}`, declared.region);
    const [, geography, model] = /^(us)\.(.+)$/.exec(declared.model) ?? [];
    this.profiles.push({
      arn,
      name: declared.name,
      baseModelId: model ?? declared.model,
      ...(geography === undefined ? { source: 'in-region' } : { source: 'geo', geography: 'us' }),
      tags: tagsAtCreation(declared),
    });
    return { kind: 'created', arn };
  }

  async #request<T>(work: () => T): Promise<T> {
    const dies = this.death?.at === this.requests++ ? this.death.when : undefined;
    if (dies === 'before') throw new Error('died');
    const done = work();
    if (dies === 'after') throw new Error('died');
    return done;
  }

  async apply(policy = policyWith()): Promise<Applied[]> {
    const applied: Applied[] = [];
    for await (const step of applyPlan(this.ports, planProfiles(policy, this.profiles))) applied.push(step);
    return applied;
  }
}

describe('applying a plan', () => {
  it('makes everything as declared, and then finds nothing to do', async () => {
    const bedrock = new Bedrock([seen('a')]);
    expect((await bedrock.apply()).map(({ kind }) => kind)).toEqual(['adopted', 'created', 'created', 'created']);
    expect(kinds(planProfiles(policyWith(), bedrock.profiles))).toEqual(['keep', 'keep', 'keep', 'keep']);
    const { requests } = bedrock;
    expect(await bedrock.apply()).toEqual([]);
    expect(bedrock.requests).toBe(requests);
  });

  it('comes to the same end wherever it died', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(4), fc.constantFrom('before' as const, 'after' as const), async (at, when) => {
        const bedrock = new Bedrock([seen('a')]);
        bedrock.death = { at, when };
        await bedrock.apply().catch(() => {});
        bedrock.death = undefined;
        await bedrock.apply();
        expect(bedrock.profiles).toHaveLength(4);
        expect(kinds(planProfiles(policyWith(), bedrock.profiles))).toEqual(['keep', 'keep', 'keep', 'keep']);
      }),
    );
  });

  it('does nothing more once nobody listens', async () => {
    const bedrock = new Bedrock();
    for await (const _ of applyPlan(bedrock.ports, planProfiles(policyWith(), []))) break;
    expect(bedrock.profiles).toHaveLength(1);
  });

  it('asks for no more profiles of a Region that is full, and still adopts', async () => {
    const globex = seen('a', { tags: { ...ACME, tenant: 'globex' } });
    const bedrock = new Bedrock([globex]);
    bedrock.room = 1;
    expect((await bedrock.apply()).map(({ kind }) => kind)).toEqual(['not-done', 'not-done', 'adopted', 'not-done']);
    expect(bedrock.requests).toBe(2);
  });

  it('changes neither conflicts nor surplus', async () => {
    const surplus = seen('a', { tags: { ...ACME, tenant: 'initech', [COPY_FROM_TAG]: NOVA } });
    const conflict = seen('b', { name: 'acme-amazon-nova-pro-v1-0', tags: {} });
    const bedrock = new Bedrock([surplus, conflict]);
    await bedrock.apply();
    expect(bedrock.profiles.slice(0, 2)).toEqual([surplus, conflict]);
  });
});

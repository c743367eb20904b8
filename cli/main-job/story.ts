import { CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { type BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { displayUsd, nanoUsd } from '../../domain/money.ts';
import { type CostGovernor, GovernorRefusal } from '../../invoke/index.ts';
import type { Actor, Teller } from '../timeline.ts';
import type { Deployment } from './boot.ts';

const NOVA_PRO = 'amazon.nova-pro-v1:0';
const SONNET = 'anthropic.claude-sonnet-4-5-20250929-v1:0';

/** Profiles that the company's teams create in the story. */
const PROFILES = {
  complete: {
    name: 'alpine-claims-triage',
    copyFrom: `arn:aws:bedrock:us-east-1::foundation-model/${NOVA_PRO}`,
    tags: {
      dept: 'claims',
      team: 'intake',
      app: 'triage',
      tenant: 'alpine-re',
      environment: 'prod',
      costcenter: 'cc-1042',
    },
  },
  incomplete: {
    name: 'lakeside-underwriting',
    copyFrom: `arn:aws:bedrock:us-east-1::foundation-model/${NOVA_PRO}`,
    tags: { dept: 'underwriting', team: 'pricing', app: 'quotes', tenant: 'lakeside', environment: 'prod' },
  },
  violating: {
    name: 'hackathon-experiment',
    copyFrom: `arn:aws:bedrock:us-east-1::foundation-model/${NOVA_PRO}`,
    tags: { dept: 'marketing', team: 'lab', app: 'poems' },
  },
  fromSystemProfile: {
    name: 'harbor-sales-chat',
    copyFrom: (accountId: string) => `arn:aws:bedrock:us-east-1:${accountId}:inference-profile/us.${SONNET}`,
    tags: {
      dept: 'sales',
      team: 'support',
      app: 'chat_app',
      tenant: 'harbor-mutual',
      environment: 'prod',
      costcenter: 'cc-2001',
    },
  },
} as const;

/** Where the story begins: three days before its month ends. */
export const STORY_BEGINS = Date.parse('2026-11-28T09:00:00Z');
const HOUR_MS = 3_600_000;
/** Enough to use up the tenant's budget of the example policy several times over. */
const MANY_CALLS = 2_000;

interface Tenant {
  readonly name: string;
  readonly modelId: string;
  readonly governor: CostGovernor;
  readonly client: BedrockRuntimeClient;
}

/**
 * The main job, told as a story in six chapters. Everything is done through AWS SDK clients and the invoke helper; what
 * the governor does in between, it does by itself.
 */
export class Story {
  readonly #deployment: Deployment;
  readonly #teller: Teller;
  readonly #names = new Map<string, string>();
  readonly #tenants: Tenant[] = [];

  constructor(deployment: Deployment, teller: Teller) {
    this.#deployment = deployment;
    this.#teller = teller;
  }

  /** The name of a profile that the story created. */
  nameOf = (arn: string): string => this.#names.get(arn) ?? `profile ${arn.slice(arn.lastIndexOf('/') + 1)}`;

  async tell(): Promise<void> {
    await this.#profilesAreCreated();
    await this.#tenantsCall();
    await this.#oneOverspends();
    await this.#oneGoesRoundTheHelper();
    await this.#theMonthTurns();
    await Promise.all(this.#tenants.map(({ governor }) => governor.flush()));
  }

  async #profilesAreCreated(): Promise<void> {
    this.#teller.chapter('1  Teams create application inference profiles; 2  each creation is governed');
    const harbor = PROFILES.fromSystemProfile;
    await this.#create(PROFILES.complete, 'with all required tags');
    await this.#create(PROFILES.incomplete, 'without the tag costcenter, which has a default');
    await this.#create(PROFILES.violating, 'with a department that does not exist, and no tenant');
    await this.#create(
      { ...harbor, copyFrom: harbor.copyFrom(this.#deployment.aws.accountId) },
      'from a cross-Region system profile',
    );
  }

  async #tenantsCall(): Promise<void> {
    this.#teller.chapter('3  Tenants call models by tags, through the helper');
    const alpine = this.#tenant('alpine-re', NOVA_PRO, { tenant: 'alpine-re', app: 'triage' });
    const harbor = this.#tenant('harbor-mutual', SONNET, { tenant: 'harbor-mutual', app: 'chat_app' });
    await this.#call(alpine, 'Summarise this claim. '.repeat(200));
    await this.#call(harbor, 'What does my policy cover? '.repeat(50));
    const nobody = this.#tenant('lab', NOVA_PRO, { team: 'lab', app: 'poems' });
    await this.#call(nobody, 'Write a poem.');
  }

  async #oneOverspends(): Promise<void> {
    this.#teller.chapter('4  A tenant spends all it has; the others go on');
    const lakeside = this.#tenant('lakeside', NOVA_PRO, { tenant: 'lakeside', app: 'quotes' });
    await this.#callUntilRefused(lakeside, 'Price this risk. '.repeat(1_200));
    await this.#flush();
    await this.#wait(0.1, 'the sweep comes by, as it does every five minutes');
    await this.#call(lakeside, 'Price one more risk.');
    await this.#call(this.#named('alpine-re'), 'Summarise this claim. '.repeat(200));
  }

  async #oneGoesRoundTheHelper(): Promise<void> {
    this.#teller.chapter('5  A tenant goes round the helper; AWS Budgets notices, hours later');
    const profile = [...this.#names].find(([, name]) => name === PROFILES.fromSystemProfile.name)?.[0];
    const client = this.#deployment.runtime();
    const text = 'Read this whole policy document. '.repeat(18_000);
    for (let call = 0; call < 14; call++)
      await client.send(new ConverseCommand({ modelId: profile, messages: [{ role: 'user', content: [{ text }] }] }));
    this.#say(
      'tenant',
      `harbor-mutual calls ${PROFILES.fromSystemProfile.name} 14 times by its ARN, without the helper: the ledger knows nothing of it`,
    );
    await this.#flush();
    await this.#wait(24, 'AWS bills and refreshes its budgets; its alerts go to the SNS topic');
    await this.#call(this.#named('harbor-mutual'), 'And what does it cost?');
    await this.#call(this.#named('alpine-re'), 'Summarise this claim. '.repeat(200));
  }

  async #theMonthTurns(): Promise<void> {
    this.#teller.chapter('6  The month turns');
    await this.#flush();
    const { clock } = this.#deployment.aws;
    await this.#wait((Date.parse('2026-11-30T23:10:00Z') - clock.now()) / HOUR_MS, 'it is December in Zurich');
    await this.#call(this.#named('alpine-re'), 'Summarise this claim. '.repeat(200));
    await this.#call(this.#named('lakeside'), 'Price this risk. '.repeat(100));
    await this.#call(this.#named('harbor-mutual'), 'What does my policy cover? '.repeat(50));
  }

  async #create(
    profile: { name: string; copyFrom: string; tags: Readonly<Record<string, string>> },
    how: string,
  ): Promise<void> {
    const tags = Object.entries(profile.tags).map(([key, value]) => ({ key, value }));
    const command = new CreateInferenceProfileCommand({
      inferenceProfileName: profile.name,
      modelSource: { copyFrom: profile.copyFrom },
      tags,
    });
    this.#say('you', `create ${profile.name} ${how}`);
    const { inferenceProfileArn = '' } = await this.#deployment.bedrock.send(command);
    this.#names.set(inferenceProfileArn, profile.name);
    await this.#quiet();
  }

  #tenant(name: string, modelId: string, tags: Readonly<Record<string, string>>): Tenant {
    const governor = this.#deployment.helper(tags);
    const client = this.#deployment.runtime();
    client.middlewareStack.use(governor);
    const tenant: Tenant = { name, modelId, governor, client };
    this.#tenants.push(tenant);
    return tenant;
  }

  #named(name: string): Tenant {
    const tenant = this.#tenants.find((candidate) => candidate.name === name);
    if (tenant === undefined) throw new Error(`no tenant ${name} in the story`);
    return tenant;
  }

  /** One call through the helper, told with its tokens, or with the refusal. Returns whether it was admitted. */
  async #call(tenant: Tenant, text: string): Promise<boolean> {
    try {
      const { usage } = await tenant.client.send(converse(tenant.modelId, text));
      this.#say(
        'tenant',
        `${tenant.name} calls ${tenant.modelId}: ${usage?.inputTokens} tokens in, ${usage?.outputTokens} out`,
      );
      return true;
    } catch (error) {
      this.#refused(tenant, error);
      return false;
    }
  }

  async #callUntilRefused(tenant: Tenant, text: string): Promise<void> {
    const billed = this.#deployment.aws.billing.length;
    for (let calls = 0; calls < MANY_CALLS; calls++) {
      try {
        await tenant.client.send(converse(tenant.modelId, text));
      } catch (error) {
        const cost = this.#deployment.aws.billing.slice(billed).reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n);
        this.#say(
          'tenant',
          `${tenant.name} calls ${tenant.modelId} ${calls} times; AWS will bill ${displayUsd(nanoUsd(cost))}`,
        );
        this.#refused(tenant, error);
        return;
      }
    }
    this.#say('tenant', `${tenant.name} calls ${tenant.modelId} ${MANY_CALLS} times, and this policy lets it`);
  }

  #refused(tenant: Tenant, error: unknown): void {
    if (!(error instanceof GovernorRefusal)) throw error;
    this.#say('tenant', `${tenant.name} is refused: ${error.code}`, error.message);
  }

  /** Processes that pause give back what they do not use. */
  async #flush(): Promise<void> {
    await Promise.all(this.#tenants.map(({ governor }) => governor.flush()));
  }

  async #wait(hours: number, what: string): Promise<void> {
    const { clock } = this.#deployment.aws;
    const until = new Date(clock.now() + hours * HOUR_MS).toISOString().slice(0, 16).replace('T', ' ');
    this.#say('story', `time passes until ${until} UTC: ${what}`);
    await clock.advance(hours * HOUR_MS);
    await this.#quiet();
  }

  /** Waits until everything that was set off has ended, and tells the notices that came of it. */
  async #quiet(): Promise<void> {
    await this.#deployment.aws.settled();
    for (const { at, subject, text } of await this.#deployment.notices())
      this.#teller.tell({ at, actor: 'notice', what: subject, why: text });
  }

  #say(actor: Actor, what: string, why?: string): void {
    this.#teller.tell({ at: this.#deployment.aws.clock.now(), actor, what, ...(why === undefined ? {} : { why }) });
  }
}

const converse = (modelId: string, text: string) =>
  new ConverseCommand({
    modelId,
    messages: [{ role: 'user', content: [{ text }] }],
    inferenceConfig: { maxTokens: 2_000 },
  });

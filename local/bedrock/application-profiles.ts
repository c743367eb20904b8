import type { FoundationModel, Geography } from './catalogue.ts';

/** What a profile routes to: copied from its source when it is created, and never changed. */
export interface ModelRouting {
  readonly model: FoundationModel;
  /** `undefined`: the model in the profile's own Region. */
  readonly geography: Geography | undefined;
  readonly modelArns: readonly string[];
}

export interface ApplicationProfile {
  /** 12 lower-case letters and digits. */
  readonly id: string;
  readonly arn: string;
  readonly region: string;
  readonly name: string;
  readonly description: string | undefined;
  readonly createdAt: number;
  readonly routing: ModelRouting;
  readonly tags: Map<string, string>;
  /** The Tagging API shows a resource from its first tag on, even when it has none left. */
  everTagged: boolean;
  /** Rises with every profile: the order of lists. */
  readonly sequence: number;
}

export type NewProfile = Pick<ApplicationProfile, 'name' | 'description' | 'createdAt' | 'routing'>;

/** All application inference profiles of the account, each in its Region. */
export class ApplicationProfiles {
  readonly #accountId: string;
  readonly #newId: () => string;
  readonly #byArn = new Map<string, ApplicationProfile>();
  #created = 0;

  constructor(accountId: string, newId: () => string) {
    this.#accountId = accountId;
    this.#newId = newId;
  }

  create(region: string, profile: NewProfile): ApplicationProfile {
    const id = this.#newId();
    const arn = this.#arnOf(region, id);
    const created = { ...profile, id, arn, region, tags: new Map(), everTagged: false, sequence: ++this.#created };
    this.#byArn.set(arn, created);
    return created;
  }

  /** @param identifier an id or an ARN; the ARN of another Region finds nothing */
  find(region: string, identifier: string): ApplicationProfile | undefined {
    const arn = identifier.startsWith('arn:') ? identifier : this.#arnOf(region, identifier);
    const profile = this.#byArn.get(arn);
    return profile?.region === region ? profile : undefined;
  }

  /** In the order of creation. */
  in(region: string): ApplicationProfile[] {
    return [...this.#byArn.values()].filter((profile) => profile.region === region);
  }

  delete(profile: ApplicationProfile): void {
    this.#byArn.delete(profile.arn);
  }

  #arnOf(region: string, id: string): string {
    return `arn:aws:bedrock:${region}:${this.#accountId}:application-inference-profile/${id}`;
  }
}

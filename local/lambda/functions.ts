/** What functions there are, with their published versions and aliases. */
import { AwsFault } from '../service.ts';
import { type Deployed, type FunctionConfiguration, LATEST } from './function.ts';
import { functionNotFound, readFunctionName } from './function-name.ts';
import type { FunctionPool } from './function-pool.ts';

export interface Alias {
  readonly arn: string;
  readonly name: string;
  /** A version's number or `$LATEST`. */
  readonly functionVersion: string;
  readonly description: string;
}

/** What a name or ARN leads to. */
export interface Invocable extends Deployed {
  /** With the qualifier by which it was named. */
  readonly invokedArn: string;
}

interface Entry {
  latest: Deployed;
  readonly versions: Deployed[];
  readonly aliases: Map<string, Alias>;
}

/** Makes the pool in which a version of a function runs. */
export type OpenPool = (configuration: FunctionConfiguration, folder: string, version: string) => FunctionPool;

export class Functions {
  readonly #accountId: string;
  readonly #openPool: OpenPool;
  readonly #entries = new Map<string, Entry>();
  /** Pools of replaced functions that may still be busy. */
  readonly #retiring = new Set<Promise<void>>();

  constructor(accountId: string, openPool: OpenPool) {
    this.#accountId = accountId;
    this.#openPool = openPool;
  }

  arnOf(region: string, name: string): string {
    return `arn:aws:lambda:${region}:${this.#accountId}:function:${name}`;
  }

  put(configuration: FunctionConfiguration, code: { readonly folder: string; readonly sha256: string }): Deployed {
    const arn = this.arnOf(configuration.region, configuration.name);
    const pool = this.#openPool(configuration, code.folder, LATEST);
    const latest = { configuration, arn, version: LATEST, codeSha256: code.sha256, folder: code.folder, pool };
    const entry = this.#entries.get(arn);
    if (entry === undefined) this.#entries.set(arn, { latest, versions: [], aliases: new Map() });
    else {
      this.#retire(entry.latest.pool);
      entry.latest = latest;
    }
    return latest;
  }

  async remove(arn: string): Promise<void> {
    const entry = this.#entries.get(arn);
    this.#entries.delete(arn);
    await Promise.all(poolsOf(entry).map((pool) => pool.retire()));
  }

  /** Freezes the function as a version; what is as it was at the last one stays that version. */
  publish(arn: string): Deployed {
    const { latest, versions } = this.#entry(arn);
    const last = versions.at(-1);
    if (last !== undefined && sameConfiguration(last, latest)) return last;
    const version = String(versions.length + 1);
    const published = { ...latest, version, pool: this.#openPool(latest.configuration, latest.folder, version) };
    versions.push(published);
    return published;
  }

  putAlias(arn: string, alias: Omit<Alias, 'arn'>): Alias {
    const entry = this.#entry(arn);
    if (!/^(?!\d+$)[\w-]{1,128}$/.test(alias.name)) {
      throw new AwsFault(
        'ValidationException',
        `1 validation error detected: Value '${alias.name}' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)`,
      );
    }
    if (versionOf(entry, alias.functionVersion) === undefined)
      throw functionNotFound(`${arn}:${alias.functionVersion}`);
    const put = { ...alias, arn: `${arn}:${alias.name}` };
    entry.aliases.set(alias.name, put);
    return put;
  }

  alias(arn: string, name: string): Alias | undefined {
    return this.#entry(arn).aliases.get(name);
  }

  removeAlias(arn: string, name: string): void {
    this.#entries.get(arn)?.aliases.delete(name);
  }

  /** @throws {AwsFault} if there is no such function, version or alias */
  resolve(nameOrArn: string, region: string, asked?: string): Invocable {
    const { name, qualifier } = readFunctionName(nameOrArn, asked, { region, accountId: this.#accountId });
    const arn = this.arnOf(region, name);
    const invokedArn = qualifier === undefined ? arn : `${arn}:${qualifier}`;
    const entry = this.#entries.get(arn);
    const version = entry?.aliases.get(qualifier ?? '')?.functionVersion ?? qualifier ?? LATEST;
    const deployed = entry === undefined ? undefined : versionOf(entry, version);
    if (deployed === undefined) throw functionNotFound(invokedArn);
    return { ...deployed, invokedArn };
  }

  /** All functions of a Region by name, each as it was last deployed, and with its published versions where asked. */
  list(region: string, withVersions: boolean): readonly Deployed[] {
    return [...this.#entries]
      .filter(([, { latest }]) => latest.configuration.region === region)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .flatMap(([, { latest, versions }]) => [latest, ...(withVersions ? versions : [])]);
  }

  /** Ends all workers, busy ones too. */
  async close(): Promise<void> {
    await Promise.all([...this.#entries.values()].flatMap(poolsOf).map((pool) => pool.terminate()));
    await Promise.all(this.#retiring);
  }

  #entry(arn: string): Entry {
    const entry = this.#entries.get(arn);
    if (entry === undefined) throw functionNotFound(arn);
    return entry;
  }

  #retire(pool: FunctionPool): void {
    const retired = pool.retire().finally(() => this.#retiring.delete(retired));
    this.#retiring.add(retired);
  }
}

function versionOf({ latest, versions }: Entry, version: string): Deployed | undefined {
  return version === LATEST ? latest : versions.find((one) => one.version === version);
}

function poolsOf(entry: Entry | undefined): FunctionPool[] {
  return entry === undefined ? [] : [entry.latest, ...entry.versions].map(({ pool }) => pool);
}

function sameConfiguration(one: Deployed, other: Deployed): boolean {
  const settings = ({ configuration: { zip: _, ...rest }, codeSha256 }: Deployed): string =>
    JSON.stringify({ ...rest, codeSha256 });
  return settings(one) === settings(other);
}

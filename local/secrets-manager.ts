/**
 * AWS Secrets Manager: secrets, their versions and the staging labels of these. Not there: rotation, replication,
 * resource policies, recovery of deleted secrets, and KMS.
 */
import type { Identifiers } from './identifiers.ts';
import { type Members, membersOf } from './members.ts';
import { pageOf } from './page.ts';
import { badParameter, readOrder, readSecretFilters } from './secret-list.ts';
import { AwsFault, type JsonObject, type Operation, type Service, type World } from './service.ts';

interface Version {
  readonly id: string;
  readonly createdAt: number;
  /** `SecretString` or `SecretBinary`, as sent. */
  readonly value: JsonObject;
  readonly stages: Set<string>;
}

interface Secret {
  readonly arn: string;
  readonly name: string;
  readonly region: string;
  readonly description: string | undefined;
  readonly tags: readonly JsonObject[];
  readonly createdAt: number;
  changedAt: number;
  readonly versions: Map<string, Version>;
}

const CURRENT = 'AWSCURRENT';
const PREVIOUS = 'AWSPREVIOUS';
const MAX_VALUE_BYTES = 65_536;
const MOST_LISTED = 100;

const invalid = (message: string): AwsFault => new AwsFault('ValidationException', message);

export interface SecretsManager {
  readonly service: Service;
  /** The whole ARN of a secret that is named or given by ARN; undefined when there is none. */
  arnOf(region: string, id: string): string | undefined;
}

export function createSecretsManager(world: World, identifiers: Identifiers): SecretsManager {
  const secrets = new Map<string, Secret>();
  const keyOf = (region: string, name: string): string => `${region}/${name}`;

  /** @param id a name, a full ARN, or an ARN without the random suffix */
  const lookUp = (region: string, id: string): Secret | undefined => {
    const byArn = [...secrets.values()].find(({ arn }) => arn === id || arn.slice(0, -7) === id);
    return secrets.get(keyOf(region, id)) ?? (byArn?.arn.split(':')[3] === region ? byArn : undefined);
  };

  const find = (region: string, id: string): Secret => {
    const found = lookUp(region, id);
    if (found === undefined) throw notFound('Secrets Manager can’t find the specified secret.');
    return found;
  };

  /** Adds a version under its token; the same again changes nothing, so that a retry is harmless. */
  const addVersion = (secret: Secret, token: string, value: JsonObject, stages: readonly string[]): Version => {
    const existing = secret.versions.get(token);
    if (existing !== undefined) {
      if (JSON.stringify(existing.value) === JSON.stringify(value)) return existing;
      const message = `You can’t change an existing version: a version with the token ${token} has another value.`;
      throw new AwsFault('ResourceExistsException', message);
    }
    const version = { id: token, createdAt: world.clock.now(), value, stages: new Set<string>() };
    secret.versions.set(token, version);
    secret.changedAt = version.createdAt;
    for (const stage of stages) moveStage(secret, stage, version);
    return version;
  };

  const CreateSecret: Operation = (input, { region }) => {
    const members = membersOf(input, invalid);
    const name = members.string('Name');
    if (!/^[\w/+=.@-]{1,512}$/.test(name)) {
      throw invalid(
        'Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!',
      );
    }
    const value = readValue(members);
    const token = tokenOf(members, identifiers);
    const existing = secrets.get(keyOf(region, name));
    if (existing !== undefined) {
      const same = existing.versions.get(token);
      if (same !== undefined && JSON.stringify(same.value) === JSON.stringify(value))
        return { ARN: existing.arn, Name: name, VersionId: token };
      throw new AwsFault('ResourceExistsException', `The operation failed because the secret ${name} already exists.`);
    }
    const suffix = identifiers.alphanumeric(6);
    const arn = `arn:aws:secretsmanager:${region}:${world.accountId}:secret:${name}-${suffix}`;
    const now = world.clock.now();
    const secret: Secret = {
      arn,
      name,
      region,
      description: members.optionalString('Description'),
      tags: members.objects('Tags'),
      createdAt: now,
      changedAt: now,
      versions: new Map(),
    };
    secrets.set(keyOf(region, name), secret);
    if (value === undefined) return { ARN: arn, Name: name };
    addVersion(secret, token, value, [CURRENT]);
    return { ARN: arn, Name: name, VersionId: token };
  };

  const PutSecretValue: Operation = (input, { region }) => {
    const members = membersOf(input, invalid);
    const secret = find(region, members.string('SecretId'));
    const value = readValue(members);
    if (value === undefined) throw invalidRequest('You must provide either SecretString or SecretBinary.');
    const stages = members.strings('VersionStages');
    const version = addVersion(secret, tokenOf(members, identifiers), value, stages.length > 0 ? stages : [CURRENT]);
    return { ARN: secret.arn, Name: secret.name, VersionId: version.id, VersionStages: [...version.stages] };
  };

  const GetSecretValue: Operation = (input, { region }) => {
    const members = membersOf(input, invalid);
    const secret = find(region, members.string('SecretId'));
    const id = members.optionalString('VersionId');
    const stage = members.optionalString('VersionStage');
    const version = versionOf(secret, id, stage);
    if (version === undefined) {
      const which = id === undefined ? `staging label: ${stage ?? CURRENT}` : `VersionId: ${id}`;
      throw notFound(`Secrets Manager can’t find the specified secret value for ${which}`);
    }
    if (id !== undefined && stage !== undefined && !version.stages.has(stage)) {
      throw invalidRequest(`You provided a VersionStage that is not associated to the provided VersionId.`);
    }
    return {
      ARN: secret.arn,
      Name: secret.name,
      VersionId: version.id,
      ...version.value,
      // At least one, where it is there [API model].
      ...(version.stages.size === 0 ? {} : { VersionStages: [...version.stages] }),
      CreatedDate: version.createdAt / 1000,
    };
  };

  const DescribeSecret: Operation = (input, { region }) => {
    const secret = find(region, membersOf(input, invalid).string('SecretId'));
    return { ...describe(secret), VersionIdsToStages: stagesOf(secret) };
  };

  const ListSecrets: Operation = (input, { region }) => {
    const members = membersOf(input, badParameter);
    const isWanted = readSecretFilters(members.objects('Filters'));
    const order = readOrder(members.optionalString('SortBy'), members.optionalString('SortOrder'));
    const size = members.optionalNumber('MaxResults') ?? MOST_LISTED;
    if (!Number.isInteger(size) || size < 1 || size > MOST_LISTED)
      throw badParameter(`MaxResults must be between 1 and ${MOST_LISTED}.`);
    const found = [...secrets.values()].filter((secret) => secret.region === region && isWanted(secret)).sort(order);
    const page = pageOf(found, size, members.optionalString('NextToken'));
    if (page === undefined) throw new AwsFault('InvalidNextTokenException', 'The NextToken value is invalid.');
    return {
      SecretList: page.items.map((secret) => ({ ...describe(secret), SecretVersionsToStages: stagesOf(secret) })),
      ...(page.next === undefined ? {} : { NextToken: page.next }),
    };
  };

  /** At once, whatever window for a recovery is asked for. */
  const DeleteSecret: Operation = (input, { region }) => {
    const secret = find(region, membersOf(input, invalid).string('SecretId'));
    secrets.delete(keyOf(region, secret.name));
    return { ARN: secret.arn, Name: secret.name, DeletionDate: world.clock.now() / 1000 };
  };

  return {
    service: {
      signingName: 'secretsmanager',
      protocol: { kind: 'json', targetPrefix: 'secretsmanager', version: '1.1' },
      operations: { CreateSecret, PutSecretValue, GetSecretValue, DescribeSecret, ListSecrets, DeleteSecret },
    },
    arnOf: (region, id) => lookUp(region, id)?.arn,
  };
}

const describe = ({ arn, name, description, tags, createdAt, changedAt }: Secret): JsonObject => ({
  ARN: arn,
  Name: name,
  ...(description === undefined ? {} : { Description: description }),
  LastChangedDate: changedAt / 1000,
  CreatedDate: createdAt / 1000,
  ...(tags.length === 0 ? {} : { Tags: [...tags] }),
});

/** Versions without a label are deprecated, and not told of. [API reference, DescribeSecret] */
const stagesOf = ({ versions }: Secret): JsonObject =>
  Object.fromEntries(
    [...versions.values()].flatMap(({ id, stages }) => (stages.size === 0 ? [] : [[id, [...stages]] as const])),
  );

/** A label is on one version at a time; the version that was current becomes the previous one. */
function moveStage(secret: Secret, stage: string, to: Version): void {
  for (const version of secret.versions.values()) {
    if (version === to || !version.stages.delete(stage)) continue;
    if (stage === CURRENT) moveStage(secret, PREVIOUS, version);
  }
  to.stages.add(stage);
}

function versionOf({ versions }: Secret, id: string | undefined, stage = CURRENT): Version | undefined {
  return id === undefined ? [...versions.values()].find(({ stages }) => stages.has(stage)) : versions.get(id);
}

function readValue(members: Members): JsonObject | undefined {
  const [text, binary] = [members.optionalString('SecretString'), members.optionalString('SecretBinary')];
  if (text !== undefined && binary !== undefined)
    throw invalid('You can’t specify both a binary secret value and a string secret value in the same secret.');
  const bytes = text === undefined ? Buffer.from(binary ?? '', 'base64').length : Buffer.byteLength(text);
  if (bytes > MAX_VALUE_BYTES) {
    throw invalid(
      `1 validation error detected: Value at 'secretString' failed to satisfy constraint: Member must have length less than or equal to ${MAX_VALUE_BYTES}`,
    );
  }
  if (text !== undefined) return { SecretString: text };
  return binary === undefined ? undefined : { SecretBinary: binary };
}

function tokenOf(members: Members, identifiers: Identifiers): string {
  const token = members.optionalString('ClientRequestToken') ?? identifiers.uuid();
  if (token.length < 32 || token.length > 64) {
    throw new AwsFault('InvalidParameterException', 'ClientRequestToken must be 32-64 characters long.');
  }
  return token;
}

function notFound(message: string): AwsFault {
  return new AwsFault('ResourceNotFoundException', message);
}

function invalidRequest(message: string): AwsFault {
  return new AwsFault('InvalidRequestException', message);
}

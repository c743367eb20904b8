/**
 * Parameter Store of AWS Systems Manager. Not there: labels, policies, history, public parameters, and KMS: a
 * SecureString that is not to be decrypted is answered as an opaque text.
 */
import { createHash } from 'node:crypto';
import { type Members, membersOf } from './members.ts';
import { type Page, pageOf } from './page.ts';
import { AwsFault, type JsonObject, type Operation, type Service, type World } from './service.ts';
import { readParameterFilters } from './ssm/parameter-filters.ts';
import { isUnder, readName, type Tier, tierFor, typeFor } from './ssm/parameter-rules.ts';

interface Version {
  readonly value: string;
  readonly modifiedAt: number;
}

interface Parameter {
  readonly name: string;
  readonly type: string;
  tier: Tier;
  /** By number; the oldest go when there are more than {@link MAX_VERSIONS}. */
  readonly versions: Map<number, Version>;
  latest: number;
}

const MAX_VERSIONS = 100;

/** `GetParameters` takes so many names at most. */
const MAX_NAMES = 10;

/** `DescribeParameters` lists so many at most. */
const MAX_DESCRIBED = 50;

const invalid = (message: string): AwsFault => new AwsFault('ValidationException', message);

export function createSsm(world: World): Service {
  const parameters = new Map<string, Parameter>();
  const keyOf = (region: string, name: string): string => `${region}/${name}`;
  const arnOf = (region: string, name: string): string =>
    `arn:aws:ssm:${region}:${world.accountId}:parameter${name.startsWith('/') ? '' : '/'}${name}`;

  const PutParameter: Operation = (input, { region }) => {
    const members = membersOf(input, invalid);
    const name = readName(members.string('Name'));
    const value = members.string('Value');
    if (value === '') throw invalid("Value '' at 'value' failed to satisfy constraint: Member must not be empty");
    const existing = parameters.get(keyOf(region, name));
    const overwrite = members.optionalBoolean('Overwrite') ?? false;
    if (overwrite && members.objects('Tags').length > 0) throw invalid(TAGS_AND_OVERWRITE);
    if (existing !== undefined && !overwrite) throw new AwsFault('ParameterAlreadyExists', ALREADY_EXISTS);
    const type = typeFor(members.optionalString('Type'), existing?.type);
    const tier = tierFor(members.optionalString('Tier'), existing?.tier, Buffer.byteLength(value));
    const parameter = existing ?? { name, type, tier, versions: new Map(), latest: 0 };
    parameter.tier = tier;
    parameter.latest += 1;
    parameter.versions.set(parameter.latest, { value, modifiedAt: world.clock.now() });
    parameter.versions.delete(parameter.latest - MAX_VERSIONS);
    parameters.set(keyOf(region, name), parameter);
    return { Version: parameter.latest, Tier: tier };
  };

  /** @param asked a name or an ARN, perhaps with `:version` after it */
  const find = (region: string, asked: string, decrypt: boolean): JsonObject | AwsFault => {
    const prefix = `arn:aws:ssm:${region}:${world.accountId}:parameter`;
    const local = asked.startsWith(prefix) ? asked.slice(prefix.length) : asked;
    const [path = '', selector] = local.split(':');
    const parameter =
      parameters.get(keyOf(region, path)) ??
      (local === asked ? undefined : parameters.get(keyOf(region, path.slice(1))));
    if (parameter === undefined) return new AwsFault('ParameterNotFound', '');
    const number = selector === undefined ? parameter.latest : Number(selector);
    const version = parameter.versions.get(number);
    if (version === undefined) {
      const message = `Systems Manager could not find version ${selector} of ${path}. Verify the version and try again.`;
      return new AwsFault('ParameterVersionNotFound', message);
    }
    return {
      Name: parameter.name,
      Type: parameter.type,
      Value: parameter.type === 'SecureString' && !decrypt ? encrypted(version.value) : version.value,
      Version: number,
      ...(selector === undefined ? {} : { Selector: `:${selector}` }),
      LastModifiedDate: version.modifiedAt / 1000,
      ARN: arnOf(region, parameter.name),
      DataType: 'text',
    };
  };

  const GetParameter: Operation = (input, { region }) => {
    const members = membersOf(input, invalid);
    const found = find(region, members.string('Name'), members.optionalBoolean('WithDecryption') ?? false);
    if (found instanceof AwsFault) throw found;
    return { Parameter: found };
  };

  const GetParameters: Operation = (input, { region }) => {
    const members = membersOf(input, invalid);
    const names = members.strings('Names');
    if (names.length < 1 || names.length > MAX_NAMES) {
      const size = names.length < 1 ? 'greater than or equal to 1' : `less than or equal to ${MAX_NAMES}`;
      throw invalid(
        `1 validation error detected: Value '[${names.join(', ')}]' at 'names' failed to satisfy constraint: Member must have length ${size}`,
      );
    }
    const Parameters: JsonObject[] = [];
    const InvalidParameters: string[] = [];
    for (const name of new Set(names)) {
      const found = find(region, name, members.optionalBoolean('WithDecryption') ?? false);
      if (found instanceof AwsFault) InvalidParameters.push(name);
      else Parameters.push(found);
    }
    return { Parameters, InvalidParameters };
  };

  /** In order of their names, which AWS promises of no list. */
  const parametersIn = (region: string): Parameter[] =>
    [...parameters]
      .filter(([key]) => key.startsWith(`${region}/`))
      .map(([, parameter]) => parameter)
      .sort((one, other) => (one.name < other.name ? -1 : 1));

  const GetParametersByPath: Operation = (input, { region }) => {
    const members = membersOf(input, invalid);
    const path = members.string('Path');
    if (!path.startsWith('/')) throw invalid(NO_PATH);
    const recursive = members.optionalBoolean('Recursive') ?? false;
    const isWanted = readParameterFilters(members.objects('ParameterFilters'), ['Type']);
    const found = parametersIn(region).filter((each) => isUnder(path, each.name, recursive) && isWanted(each));
    const { items, next } = pageIn(found, members, MAX_NAMES);
    const decrypt = members.optionalBoolean('WithDecryption') ?? false;
    return {
      Parameters: items.flatMap(({ name }) => {
        const found = find(region, name, decrypt);
        return found instanceof AwsFault ? [] : [found];
      }),
      ...(next === undefined ? {} : { NextToken: next }),
    };
  };

  const DescribeParameters: Operation = (input, { region }) => {
    const members = membersOf(input, invalid);
    if (members.objects('Filters').length > 0) throw new AwsFault('InvalidFilterKey', 'Filters are not embedded.');
    const isWanted = readParameterFilters(members.objects('ParameterFilters'), ['Name', 'Path', 'Tier', 'Type']);
    const { items, next } = pageIn(parametersIn(region).filter(isWanted), members, MAX_DESCRIBED);
    return {
      Parameters: items.map(({ name, type, tier, latest, versions }) => ({
        Name: name,
        ARN: arnOf(region, name),
        Type: type,
        ...(type === 'SecureString' ? { KeyId: 'alias/aws/ssm' } : {}),
        LastModifiedDate: (versions.get(latest)?.modifiedAt ?? 0) / 1000,
        Version: latest,
        Tier: tier,
        Policies: [],
        DataType: 'text',
      })),
      ...(next === undefined ? {} : { NextToken: next }),
    };
  };

  const DeleteParameter: Operation = (input, { region }) => {
    const name = membersOf(input, invalid).string('Name');
    if (!parameters.delete(keyOf(region, name))) throw new AwsFault('ParameterNotFound', '');
    return {};
  };

  return {
    signingName: 'ssm',
    protocol: { kind: 'json', targetPrefix: 'AmazonSSM', version: '1.1' },
    operations: {
      PutParameter,
      GetParameter,
      GetParameters,
      GetParametersByPath,
      DescribeParameters,
      DeleteParameter,
    },
  };
}

/** As many as were asked for, or as the operation gives at most. */
function pageIn(all: readonly Parameter[], members: Members, most: number): Page<Parameter> {
  const size = members.optionalNumber('MaxResults') ?? most;
  if (!Number.isInteger(size) || size < 1 || size > most)
    throw invalid(
      `1 validation error detected: Value '${size}' at 'maxResults' failed to satisfy constraint: Member must have value between 1 and ${most}`,
    );
  const page = pageOf(all, size, members.optionalString('NextToken'));
  if (page === undefined) throw new AwsFault('InvalidNextToken', 'The specified token is not valid.');
  return page;
}

const NO_PATH =
  'The parameter path must begin with a slash, as /governor does: it is a hierarchy without its last part, the name.';
const ALREADY_EXISTS =
  'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.';
const TAGS_AND_OVERWRITE =
  'Invalid request: tags and overwrite can’t be used together. To create a parameter with tags, please remove overwrite ' +
  'flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.';

/** Not a cipher: it keeps a test from reading a secret that it did not ask to decrypt. */
function encrypted(value: string): string {
  return createHash('sha512').update(value).digest('base64');
}

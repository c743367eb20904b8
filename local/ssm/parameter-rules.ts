/** What Parameter Store accepts. [docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter] */
import { AwsFault } from '../service.ts';

export type Tier = 'Standard' | 'Advanced';

const MAX_NAME_LENGTH = 2048;
const MAX_LEVELS = 15;
const MAX_VALUE_BYTES: Readonly<Record<Tier, number>> = { Standard: 4096, Advanced: 8192 };
const TYPES = ['String', 'StringList', 'SecureString'];

export function readName(name: string): string {
  if (name.length > MAX_NAME_LENGTH)
    throw invalid(`The parameter name must have at most ${MAX_NAME_LENGTH} characters.`);
  if (/^\/?(aws|ssm)/i.test(name)) {
    throw new AwsFault(
      /^\/?aws/i.test(name) ? 'AccessDeniedException' : 'ValidationException',
      /^\/?aws/i.test(name) ? `No access to reserved parameter name: ${name}.` : INVALID_NAME,
    );
  }
  if (name.includes('/') && !name.startsWith('/')) throw invalid('Parameter name must be a fully qualified name.');
  if (!/^\/?[\w.-]+(\/[\w.-]+)*$/.test(name)) throw invalid(INVALID_NAME);
  if (name.split('/').length - 1 > MAX_LEVELS) {
    const message = `A hierarchy can have a maximum of ${MAX_LEVELS} levels.`;
    throw new AwsFault('HierarchyLevelLimitExceededException', message);
  }
  return name;
}

/**
 * Whether a parameter is in a hierarchy, however deep or not. UNVERIFIED for a name without slashes: that it is in `/`, as
 * its ARN has it.
 */
export function isUnder(path: string, name: string, recursive: boolean): boolean {
  const folder = path.endsWith('/') ? path : `${path}/`;
  const whole = name.startsWith('/') ? name : `/${name}`;
  return whole.startsWith(folder) && (recursive || !whole.slice(folder.length).includes('/'));
}

/** A parameter keeps the type that it was created with. */
export function typeFor(asked: string | undefined, existing: string | undefined): string {
  if (asked !== undefined && !TYPES.includes(asked)) {
    throw invalid(
      `1 validation error detected: Value '${asked}' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [${TYPES.join(', ')}]`,
    );
  }
  const type = asked ?? existing;
  if (type === undefined) throw invalid('A parameter type is required when you create a parameter.');
  if (existing !== undefined && type !== existing) {
    throw new AwsFault(
      'HierarchyTypeMismatchException',
      'Parameter Store doesn’t support changing a parameter type in a hierarchy. You must create a new, unique parameter.',
    );
  }
  return type;
}

/** The tier that is asked for, if the value fits into it; an advanced parameter stays so. */
export function tierFor(asked: string | undefined, existing: Tier | undefined, valueBytes: number): Tier {
  if (asked !== undefined && asked !== 'Standard' && asked !== 'Advanced' && asked !== 'Intelligent-Tiering') {
    throw invalid(
      `1 validation error detected: Value '${asked}' at 'tier' failed to satisfy constraint: Member must satisfy enum value set: [Standard, Advanced, Intelligent-Tiering]`,
    );
  }
  if (asked === 'Standard' && existing === 'Advanced') throw invalid(NO_DOWNGRADE);
  const fitting = valueBytes > MAX_VALUE_BYTES.Standard ? 'Advanced' : (existing ?? 'Standard');
  const tier = asked === 'Intelligent-Tiering' ? fitting : (asked ?? existing ?? 'Standard');
  if (valueBytes > MAX_VALUE_BYTES[tier]) {
    const more =
      tier === 'Standard'
        ? ' To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier.'
        : '';
    throw invalid(
      `${tier} tier parameters support a maximum parameter value of ${MAX_VALUE_BYTES[tier]} characters.${more}`,
    );
  }
  return tier;
}

const INVALID_NAME =
  'Parameter name: can’t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths ' +
  'divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_';
const NO_DOWNGRADE =
  'This parameter uses the advanced-parameter tier. You can’t downgrade a parameter from the advanced-parameter tier to ' +
  'the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter.';

function invalid(message: string): AwsFault {
  return new AwsFault('ValidationException', message);
}

import { isObject, membersOf } from '../members.ts';
import { AwsFault, type Json, type JsonObject } from '../service.ts';

/** What a target receives for an event that matched its rule. */
export type TargetInput = (
  event: JsonObject,
  rule: { readonly arn: string; readonly name: string; readonly at: number },
) => string;

const invalid = (message: string): AwsFault => new AwsFault('ValidationException', message);

/** Compiles `Input`, `InputPath` or `InputTransformer` of a target; the whole event without any. @throws {AwsFault} */
export function readTargetInput(target: JsonObject): TargetInput {
  const read = membersOf(target, invalid);
  const input = read.optionalString('Input');
  const path = read.optionalString('InputPath');
  const transformer = read.optionalObject('InputTransformer');
  if ([input, path, transformer].filter((given) => given !== undefined).length > 1) {
    throw invalid(
      `Only one of Input, InputPath, or InputTransformer must be provided for target ${read.optionalString('Id') ?? ''}.`,
    );
  }
  if (input !== undefined) {
    if (!isJson(input)) throw invalid(`JSON syntax error in input for target ${read.optionalString('Id') ?? ''}`);
    return () => input;
  }
  if (path !== undefined) {
    const get = parsePath(path);
    return (event) => JSON.stringify(get(event) ?? null);
  }
  if (transformer !== undefined) return readTransformer(transformer);
  return (event) => JSON.stringify(event);
}

function readTransformer(transformer: JsonObject): TargetInput {
  const read = membersOf(transformer, invalid);
  const template = read.string('InputTemplate');
  const paths = new Map(
    Object.entries(read.optionalObject('InputPathsMap') ?? {}).map(([name, path]) => {
      if (typeof path !== 'string') throw invalid(`InputPathsMap.${name} must be a JSON path`);
      if (name.toLowerCase().startsWith('aws')) throw invalid(`InputPathsMap: the name ${name} is reserved`);
      return [name, parsePath(path)];
    }),
  );
  for (const [, name = ''] of template.matchAll(/<([^<>\s]+)>/g)) {
    if (!paths.has(name) && !name.startsWith('aws.events.')) {
      throw invalid(`Invalid InputTemplate for target : [Template placeholder ${name} has no input path]`);
    }
  }
  return (event, rule) =>
    fill(template, (name) => {
      switch (name) {
        case 'aws.events.rule-arn':
          return rule.arn;
        case 'aws.events.rule-name':
          return rule.name;
        case 'aws.events.event.ingestion-time':
          return new Date(rule.at).toISOString();
        case 'aws.events.event':
        case 'aws.events.event.json':
          return event;
        default:
          return paths.get(name)?.(event);
      }
    });
}

/**
 * Replaces `<name>`: within quotes by the bare text, elsewhere by JSON. A value that the event lacks leaves an empty
 * string (what AWS leaves outside quotes is UNVERIFIED).
 */
function fill(template: string, valueFor: (name: string) => Json | undefined): string {
  let quoted = false;
  return template.replaceAll(/\\.|"|<([^<>\s]+)>/gs, (token, name: string | undefined) => {
    if (token === '"') quoted = !quoted;
    if (name === undefined) return token;
    const value = valueFor(name) ?? '';
    if (!quoted) return JSON.stringify(value);
    return typeof value === 'string' ? JSON.stringify(value).slice(1, -1) : JSON.stringify(value);
  });
}

/** `$`, `$.detail.state`, `$.resources[0]`. @throws {AwsFault} */
function parsePath(path: string): (event: Json) => Json | undefined {
  if (!/^\$(\.[\w-]+|\[\d+\])*$/.test(path))
    throw invalid(`Parameter InputPath is not valid. Reason: ${path} is not a supported JSON path.`);
  const steps = [...path.matchAll(/\.([\w-]+)|\[(\d+)\]/g)].map(([, name, index]) => name ?? Number(index));
  return (event) =>
    steps.reduce<Json | undefined>((value, step) => {
      if (typeof step === 'number') return Array.isArray(value) ? value[step] : undefined;
      return isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
    }, event);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

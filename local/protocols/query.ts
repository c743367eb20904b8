/** The protocol `awsQuery`: a form with `Action` and flattened member names in, XML out. */
import { AwsFault, type Json, type JsonObject } from '../service.ts';
import type { Encoder, Opened, ServiceOf } from './codec.ts';
import type { WireRequest } from './wire.ts';

export function openQuery(service: ServiceOf<'query'>, request: WireRequest): Opened {
  const form = formOf(request);
  const operation = form.get('Action') ?? '';
  const encoder = queryEncoder(service.protocol, operation);
  if (operation === '') {
    return {
      refusal: new AwsFault('MissingAction', 'The request must contain the parameter Action.'),
      operation,
      encoder,
    };
  }
  if (!Object.hasOwn(service.operations, operation)) {
    const version = form.get('Version') ?? service.protocol.version;
    const message = `Could not find operation ${operation} for version ${version}`;
    return { refusal: new AwsFault('InvalidAction', message), operation, encoder };
  }
  return { service, operation, encoder, read: () => decodeForm(form) };
}

export function isForm(request: WireRequest): boolean {
  return (
    (request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded') ||
    request.query.has('Action')
  );
}

function formOf(request: WireRequest): URLSearchParams {
  return request.body.length > 0 ? new URLSearchParams(request.body.toString('utf8')) : request.query;
}

type Node = { value?: string; readonly children: Map<string, Node> };

/** `A.member.2=x` and `M.entry.1.key=k` to arrays and maps. Every leaf stays a string. */
export function decodeForm(form: URLSearchParams): JsonObject {
  const root: Node = { children: new Map() };
  for (const [name, value] of form) {
    if (name === 'Action' || name === 'Version' || name.startsWith('X-Amz-')) continue;
    let node = root;
    for (const segment of name.split('.')) {
      const child = node.children.get(segment) ?? { children: new Map() };
      node.children.set(segment, child);
      node = child;
    }
    node.value = value;
  }
  return structureOf(root);
}

function structureOf(node: Node): JsonObject {
  return Object.fromEntries([...node.children].map(([name, child]) => [name, decodeNode(child)]));
}

function decodeNode(node: Node): Json {
  if (node.children.size === 0) return node.value ?? '';
  const list = listOf(node.children.get('member')) ?? listOf(node);
  if (list !== undefined) return list.map(decodeNode);
  const entries = listOf(node.children.get('entry'));
  if (entries !== undefined) return Object.fromEntries(entries.flatMap(entryOf));
  return structureOf(node);
}

/** The children in order when all their names are numbers. */
function listOf(node: Node | undefined): Node[] | undefined {
  if (node === undefined || node.children.size === 0) return undefined;
  const numbered = [...node.children].map(([name, child]) => [Number(name), child] as const);
  if (!numbered.every(([index]) => Number.isInteger(index))) return undefined;
  return numbered.sort(([a], [b]) => a - b).map(([, child]) => child);
}

/** Most services write `key` and `value`; the message attributes of SNS `Name` and `Value`. */
function entryOf(node: Node): [string, Json][] {
  const key = node.children.get('key') ?? node.children.get('Name');
  const value = node.children.get('value') ?? node.children.get('Value');
  return key?.value === undefined || value === undefined ? [] : [[key.value, decodeNode(value)]];
}

export function queryEncoder(protocol: ServiceOf<'query'>['protocol'], operation: string): Encoder {
  const headers = { 'content-type': 'text/xml' };
  const maps = new Set(protocol.mapMembers ?? []);
  return {
    internalErrorCode: 'InternalFailure',
    success: (output, requestId) => ({
      status: 200,
      headers,
      body:
        `<${operation}Response xmlns="${protocol.xmlNamespace}"><${operation}Result>${members(output, maps)}</${operation}Result>` +
        `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${operation}Response>`,
    }),
    failure: (fault, requestId) => ({
      status: fault.status,
      headers,
      body:
        `<ErrorResponse xmlns="${protocol.xmlNamespace}"><Error><Type>${fault.status >= 500 ? 'Receiver' : 'Sender'}</Type>` +
        `<Code>${escapeXml(fault.code)}</Code><Message>${escapeXml(fault.message)}</Message>${members(fault.members, maps)}</Error>` +
        `<RequestId>${requestId}</RequestId></ErrorResponse>`,
    }),
  };
}

function members(structure: JsonObject, maps: ReadonlySet<string>): string {
  return Object.entries(structure)
    .map(([name, value]) => element(name, value, maps))
    .join('');
}

function element(name: string, value: Json | undefined, maps: ReadonlySet<string>): string {
  if (value === undefined || value === null) return '';
  return `<${name}>${content(name, value, maps)}</${name}>`;
}

function content(name: string, value: Exclude<Json, null>, maps: ReadonlySet<string>): string {
  if (Array.isArray(value)) return value.map((item) => element('member', item, maps)).join('');
  if (typeof value !== 'object') return escapeXml(String(value));
  if (!maps.has(name)) return members(value, maps);
  return Object.entries(value)
    .map(([key, item]) => `<entry>${element('key', key, maps)}${element('value', item, maps)}</entry>`)
    .join('');
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\r', '&#xD;');
}

import * as z from 'zod';

/** docs/policy-keys.md, from the JSON Schema of a policy: `npm run docs:policy` writes it, and a test says when it is old. */
export function policyDocument(schema: unknown): string {
  const document = Node.parse(schema);
  const sections = objectsIn(document, '');
  return `${[HEAD, ...sections.map(({ path, node }) => section(path, node))].join('\n\n')}\n`;
}

const HEAD = `# Policy reference

Written by \`npm run docs:policy\` from the schema in \`domain/policy/\`; a test says when it is out of date. It is the schema that
\`governor init\` writes beside a policy for editors. "What is expected" is what \`governor validate\` says of a value that is wrong.
What the keys mean, with examples: [policy.md](policy.md). A whole policy: \`examples/insurer/governance.yaml\`.

\`[]\` stands for each entry of a list, \`<…>\` for each name that you choose. What has no default may be left out
where it is not required. Bounds are those that the schema can tell; where one
part must agree with another, \`governor validate\` has the last word.`;

/** What is used of JSON Schema. */
interface Node {
  readonly description?: string | undefined;
  readonly default?: unknown;
  readonly type?: string | readonly string[] | undefined;
  readonly const?: unknown;
  readonly enum?: readonly unknown[] | undefined;
  readonly pattern?: string | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly minItems?: number | undefined;
  readonly maxItems?: number | undefined;
  readonly required?: readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, Node>> | undefined;
  readonly additionalProperties?: boolean | Node | undefined;
  readonly propertyNames?: Node | undefined;
  readonly items?: Node | undefined;
  readonly anyOf?: readonly Node[] | undefined;
}

const Node: z.ZodType<Node> = z.lazy(() =>
  z.object({
    description: z.string().optional(),
    default: z.unknown().optional(),
    type: z.union([z.string(), z.array(z.string())]).optional(),
    const: z.unknown().optional(),
    enum: z.array(z.unknown()).optional(),
    pattern: z.string().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    minItems: z.number().optional(),
    maxItems: z.number().optional(),
    required: z.array(z.string()).optional(),
    properties: z.record(z.string(), Node).optional(),
    additionalProperties: z.union([z.boolean(), Node]).optional(),
    propertyNames: Node.optional(),
    items: Node.optional(),
    anyOf: z.array(Node).optional(),
  }),
);

interface Place {
  /** Empty for the document itself. */
  readonly path: string;
  readonly node: Node;
}

/** Every object with keys of its own, parents before children. */
function objectsIn(node: Node, path: string): readonly Place[] {
  const below = Object.entries(node.properties ?? {}).flatMap(([key, child]) =>
    objectsIn(child, path === '' ? key : `${path}.${key}`),
  );
  const named =
    typeof node.additionalProperties === 'object'
      ? objectsIn(node.additionalProperties, `${path}.<${node.propertyNames?.description ?? 'name'}>`)
      : [];
  return [
    ...(node.properties === undefined ? [] : [{ path, node }]),
    ...below,
    ...named,
    ...(node.items === undefined ? [] : objectsIn(node.items, `${path}[]`)),
    ...(node.anyOf ?? []).flatMap((each) => objectsIn(each, path)),
  ];
}

function section(path: string, { properties = {}, required = [] }: Node): string {
  const rows = Object.entries(properties).map(([key, node]) => {
    const must = required.includes(key);
    return `| \`${key}\` | ${cell(expectedOf(node))} | ${must ? 'required' : defaultOf(node)} | ${cell(boundsOf(node))} |`;
  });
  return [
    path === '' ? '## The document' : `## \`${path}\``,
    ['| key | what is expected | default | bounds |', '| --- | --- | --- | --- |', ...rows].join('\n'),
  ].join('\n\n');
}

function expectedOf(node: Node): string {
  if (node.description !== undefined) return node.description;
  const values = node.enum ?? (node.const === undefined ? [] : [node.const]);
  if (values.length > 0) return values.map((value) => JSON.stringify(value)).join(', ');
  const options = (node.anyOf ?? []).map(expectedOf).filter((text) => text !== SEE);
  if (options.length > 0) return [...new Set(options)].join('; or ');
  return SEE;
}

/** The schema takes any value there, and the policy's own checks say what is wrong with it. */
const SEE = 'see [policy.md](policy.md)';

const defaultOf = (node: Node): string =>
  node.default === undefined ? '' : `\`${cell(JSON.stringify(node.default))}\``;

function boundsOf(node: Node): string {
  const { minimum, maximum, minItems, maxItems } = node;
  // What JavaScript counts exactly is no bound of ours.
  const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum;
  return [
    ...(minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? [] : [`at least ${minimum}`]),
    ...(most === undefined ? [] : [`at most ${most}`]),
    ...(minItems === undefined ? [] : [`at least ${minItems} of them`]),
    ...(maxItems === undefined ? [] : [`at most ${maxItems} of them`]),
    ...(node.pattern === undefined ? [] : [`\`${node.pattern}\``]),
  ].join(', ');
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

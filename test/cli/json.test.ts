import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { forPeople } from '../../cli/output/print.ts';
import { governorProgram, withSubcommands } from '../../cli/program.ts';
import { displayUsd, nanoUsd } from '../../domain/money.ts';
import { DeployedGovernor, NOVA_PRO, RULES } from '../end-to-end/deployed-governor.ts';
import { governor } from './command.ts';
import { ALPINE_RE } from './insurer.ts';

const EXAMPLE = 'examples/insurer/governance.yaml';
const BUDGET = 'tenant-monthly/alpine-re';
const CALL = ['invoke', '--model', NOVA_PRO, '--tag', 'tenant=alpine-re', 'Hello', '--max-tokens', '5'];

type Json = Readonly<Record<string, unknown>>;
const Json = z.record(z.string(), z.unknown());
const list = (value: unknown): readonly Json[] => z.array(Json).parse(value);
const texts = (value: unknown): readonly string[] => z.array(z.string()).parse(value);
const inside = (value: unknown): Json => Json.parse(value ?? {});

/** As tables show an amount of JSON. */
function shown(amount: unknown): string {
  const [whole = '', decimals = ''] = z
    .string()
    .regex(/^-?\d+\.\d{2,9}$/)
    .parse(amount)
    .split('.');
  return displayUsd(nanoUsd(BigInt(whole + decimals.padEnd(9, '0'))));
}

/** The lines of a table, without its titles. */
const tableLines = (text: string): readonly string[] => text.slice(0, text.indexOf('\n\n')).split('\n').slice(1);
const linesLike = (text: string, pattern: RegExp): readonly string[] =>
  text.split('\n').filter((line) => pattern.test(line));

/** The lines of the text that stand for rows, and what each has to say, by the JSON. */
interface Compared {
  readonly lines: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** A command as it is typed, and how its two outputs are held against each other. */
type Case = readonly [
  line: string,
  args: (place: { readonly folder: string; readonly schedule: string }) => readonly string[],
  compare: (text: string, documents: readonly Json[]) => Compared,
];

const ofType = (documents: readonly Json[], type: string): readonly Json[] =>
  documents.filter((document) => document['type'] === type);

const overrideCase = (line: string, ...args: readonly string[]): Case => [
  line,
  () => [line, ...args, '--reason', 'a test'],
  (text, [document = {}]) => ({
    lines: [text.split('\n')[0] ?? '', ...linesLike(text, /^ {2}\S+ 20\d\d-\d\d: /)],
    rows: [
      [inside(document['override'])['change'], inside(document['override'])['reason']],
      ...list(document['budgets']).map((each) => [
        each['budget'],
        each['period'],
        each['standing'],
        // A raise gives more with each of the two.
        line === 'raise' ? 'USD left' : `${shown(each['leftUsd'])} left`,
      ]),
    ],
  }),
];

const planned: Case[2] = (text, documents) => {
  const { create, adopt, keep } = ofType(documents, 'plan')[0] ?? {};
  return {
    lines: [...linesLike(text, /^ {2}[+~=!?] .* in [a-z]{2}-/), ...linesLike(text, / to create, /)],
    rows: [
      ...ofType(documents, 'profile').map((each) => [each['name'], `in ${each['region']}`]),
      [`${create} to create, ${adopt} to adopt, ${keep} as declared`],
    ],
  };
};

const CASES: readonly Case[] = [
  [
    'status',
    () => ['status'],
    (text, [document = {}]) => ({
      lines: [...tableLines(text)].sort(),
      rows: list(document['budgets']).map(({ budget, period, figures }) => {
        const { standing, spentUsd, percent, committedUsd, leftUsd } = inside(figures);
        return [budget, period, standing, shown(spentUsd), `${percent}%`, shown(committedUsd), shown(leftUsd)];
      }),
    }),
  ],
  [
    'tenants',
    () => ['tenants'],
    (text, [document = {}]) => ({
      lines: tableLines(text),
      rows: list(document['tenants']).map(({ tenant, standing, profiles, budgets }) => [
        tenant,
        standing,
        profiles,
        ` ${list(budgets).length} `,
      ]),
    }),
  ],
  [
    'profiles',
    () => ['profiles'],
    (text, [document = {}]) => ({
      lines: tableLines(text),
      rows: list(document['profiles']).map(({ name, tags, model, region, standing }) => [
        name,
        inside(tags)['tenant'],
        model,
        region,
        standing,
      ]),
    }),
  ],
  [
    'report',
    () => ['report', '--by', 'tenant,app', '--no-bill'],
    (text, [document = {}]) => ({
      lines: text.split('\n').slice(3, 4),
      rows: list(document['rows']).map(({ period, tags, calls, inputTokens, outputTokens, recordedUsd }) => [
        period,
        inside(tags)['tenant'],
        inside(tags)['app'],
        calls,
        inputTokens,
        outputTokens,
        recordedUsd,
      ]),
    }),
  ],
  [
    'audit',
    () => ['audit', '--tenant', 'alpine-re', '--until', '2026-11-10T09:30:00Z'],
    (text, documents) => ({
      lines: linesLike(text, /^2026-/),
      rows: documents.map(({ at, decision, tenant, actor }) => [
        String(at).slice(0, 19).replace('T', ' '),
        decision,
        tenant,
        actor,
      ]),
    }),
  ],
  [
    'doctor',
    () => ['doctor'],
    (text, [document = {}]) => ({
      lines: linesLike(text, /^(ok|warning|failed|unknown) /),
      rows: list(document['findings']).map(({ check, state, what }) => [
        String(check).replaceAll('-', ' '),
        state,
        // The clock's finding tells the time, which goes on.
        check === 'clock' ? 'clock' : forPeople(String(what)),
      ]),
    }),
  ],
  [
    'redrive',
    () => ['redrive', '--dry-run'],
    (text, documents) => ({
      lines: text.trim().split('\n'),
      rows: documents.map(({ queue }) => [queue, 'empty']),
    }),
  ],
  [
    'replay',
    ({ schedule }) => ['replay', schedule],
    (text, [document = {}]) => ({
      lines: [text.split('\n')[0] ?? '', ...linesLike(text.split('It would write')[1] ?? '', /^ {2}\S/)],
      rows: [
        [document['function'], document['outcome']],
        ...list(document['intentions']).map(({ to, what }) => [to, what]),
      ],
    }),
  ],
  ['plan', () => ['plan', '--policy', EXAMPLE, '--detailed-exitcode'], planned],
  ['apply', () => ['apply', '--policy', EXAMPLE, '--yes'], planned],
  [
    'shadow',
    () => ['shadow', '--periods', '1'],
    (text, [document = {}]) => ({
      lines: linesLike(text, / would have refused /),
      rows: list(document['budgets']).map(({ budget, period, calls, worthUsd, spentUsd, limitUsd, standing }) => [
        budget,
        period,
        `${calls} call`,
        shown(worthUsd),
        `${shown(spentUsd)} of ${shown(limitUsd)}`,
        standing,
      ]),
    }),
  ],
  overrideCase('disable', '--tenant', 'alpine-re', '--for', '1h'),
  overrideCase('enable', '--tenant', 'alpine-re', '--for', '1h', '--yes'),
  overrideCase('raise', '--budget', BUDGET, '--by', '1 USD', '--until', '2026-11-20T00:00:00Z'),
  [
    'overrides',
    () => ['overrides'],
    (text, [document = {}]) => ({
      lines: text.trimEnd().split('\n').slice(1),
      rows: list(document['overrides']).map(({ id, change, reason, author, amountUsd }) => [
        String(id).slice(0, 8),
        change,
        reason,
        author,
        ...(amountUsd === undefined ? [] : [shown(amountUsd)]),
      ]),
    }),
  ],
  [
    'recover',
    () => ['recover', '--yes'],
    (text, documents) => ({
      lines: linesLike(text, /was not restored/),
      rows: documents.filter(({ state }) => state === 'open').map(() => []),
    }),
  ],
  [
    'guard',
    ({ folder }) => ['guard', '--policy', EXAMPLE, '--out', join(folder, 'guard')],
    (text, [document = {}]) => ({
      lines: text.split('\nHow to')[0]?.split('\n') ?? [],
      rows: [
        ...list(document['documents']).map(({ name, characters, most }) => [`${name}: ${characters} of ${most}`]),
        [`For account ${document['account']}`],
        ...texts(document['taggingRoles']).map((role) => [role]),
      ],
    }),
  ],
  [
    'invoke',
    () => CALL,
    (text, [document = {}]) => ({
      lines: linesLike(text, /^(through|cost|left) /),
      rows: [
        [document['profile']],
        [shown(document['costUsd']), `${document['inputTokens']} tokens in, ${document['outputTokens']} out`],
        ...list(document['budgets']).map(({ budget, period }) => [budget, period]),
      ],
    }),
  ],
  [
    'prices check',
    () => ['prices', 'check'],
    (text, [document = {}]) => ({
      lines: linesLike(text, /prices are kept|^Not compared/),
      rows: list(document['regions']).flatMap(({ region, same, differences, unmapped }) => [
        [region, `${same} prices are kept`, `${list(differences).length} differ`],
        texts(unmapped),
      ]),
    }),
  ],
  [
    'validate',
    () => ['validate', '--policy', EXAMPLE],
    (text, [document = {}]) => ({
      lines: [text.split('\n')[0] ?? '', ...linesLike(text, /^ {2}- /)],
      rows: [
        ['valid', `${document['budgets']} budgets`, `${document['declaredProfiles']} declared profile`],
        ...list(document['approximations']).map((each) => [each['text']]),
      ],
    }),
  ],
  [
    'init',
    ({ folder }) => ['init', '--yes', '--force', '--out', join(folder, 'first.yaml')],
    (text, [document = {}]) => ({
      lines: text.split('\n').slice(0, 2),
      rows: [[document['policy']], [document['schema']]],
    }),
  ],
];

/** What is not compared here: the scripts of shells, what goes on until Ctrl-C, and what cannot be done twice. */
const ELSEWHERE = ['completion', 'local', 'take-back'];

const WRITING = ['apply', 'disable', 'enable', 'raise', 'guard', 'init', 'invoke'];

describe('what --json prints', () => {
  let stack: DeployedGovernor;
  let folder: string;
  let schedule: string;
  const run = (...args: readonly string[]) =>
    governor({ ...stack.aws.environment(), GOVERNOR_TABLE: stack.table }, ...args).ended;
  /** JSON has no colours, whoever asks for them. */
  const runForPrograms = (...args: readonly string[]) =>
    governor({ ...stack.aws.environment(), GOVERNOR_TABLE: stack.table, FORCE_COLOR: '1' }, ...args, '--json').ended;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'governor-json-'));
    schedule = join(folder, 'sweep.json');
    const resources = [`arn:aws:events:us-east-1:123456789012:rule/${RULES.sweepSchedule}`];
    await writeFile(schedule, JSON.stringify({ source: 'aws.events', 'detail-type': 'Scheduled Event', resources }));
    stack = await DeployedGovernor.start('2026-11-10T09:00:00Z');
    await stack.createProfile('alpine-triage', stack.foundationModel(NOVA_PRO), ALPINE_RE);
    await stack.createProfile('lakeside', stack.foundationModel(NOVA_PRO), { ...ALPINE_RE, tenant: 'lakeside' });
    await stack.aws.settled();
    await stack.sweep();
    await stack.stopSweeping();
    const tenant = stack.tenant(ALPINE_RE);
    await tenant.call(NOVA_PRO, 'Hello', 10);
    await tenant.close();
  });
  afterAll(async () => {
    await stack.close();
    await rm(folder, { recursive: true });
  });

  it('is looked at here for every command', () => {
    const names = withSubcommands(governorProgram('governor'))
      .filter(({ commands }) => commands.length === 0)
      .map((command) => (command.parent?.parent == null ? '' : `${command.parent.name()} `) + command.name());
    expect([...CASES.map(([line]) => line), ...ELSEWHERE].sort()).toEqual(names.sort());
  });

  it.each(CASES)('has the rows and figures of the text, and nothing else: %s', async (line, args, compare) => {
    const typed = args({ folder, schedule });
    const texted = run(...typed);
    // What writes does so in one order.
    if (WRITING.includes(line)) await texted;
    const [text, json] = await Promise.all([texted, runForPrograms(...typed)]);
    expect({ code: json.code, stderr: json.stderr }).toEqual({ code: text.code, stderr: text.stderr });
    const documents = json.stdout
      .trimEnd()
      .split('\n')
      .map((each) => Json.parse(JSON.parse(each)));
    for (const document of documents) expect(document['type'], line).toEqual(expect.any(String));
    const { lines, rows } = compare(text.stdout, documents);
    expect(rows.length, text.stdout).toBeGreaterThan(line === 'shadow' ? -1 : 0);
    expect(lines, text.stdout).toHaveLength(rows.length);
    rows.forEach((cells, at) => {
      for (const cell of cells) expect(lines[at]).toContain(String(cell));
    });
  });

  it.each<[string, string[], number, string, RegExp]>([
    ['an option that is none', ['status', '--verbosely'], 2, 'Mistake', /unknown option '--verbosely'/],
    ['a mistake under --detailed-exitcode', ['plan', '--detailed-exitcode'], 1, 'Mistake', /required option '--policy/],
    ['a file that is not there', ['replay', '/nonexistent.json'], 2, 'Mistake', /there is no such file \(ENOENT\)/],
    ['another table', ['tenants', '--table', 'other'], 1, 'ResourceNotFoundException', /Requested resource not found/],
    ['no AWS', ['audit', '--endpoint-url', 'http://127.0.0.1:9'], 1, 'Unreachable', /AWS cannot be reached/],
  ])('is a document with what went wrong, which stderr tells people: %s', async (_, args, exitCode, code, problem) => {
    const { code: exit, stdout, stderr } = await runForPrograms(...args);
    expect(exit).toBe(exitCode);
    const document: unknown = JSON.parse(stdout);
    expect(document).toEqual({ type: 'error', code, problems: expect.any(Array), exitCode });
    expect(texts(Json.parse(document)['problems']).join('\n')).toMatch(problem);
    expect(stderr).toMatch(problem);
  });
});

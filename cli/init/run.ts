import { access } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { parse } from 'yaml';
import { readPolicy } from '../../domain/policy/policy.ts';
import { policyJsonSchema } from '../../domain/policy/policy-schema.ts';
import { writingTrouble } from '../../infra/file-trouble.ts';
import { PROGRAM } from '../command-line.ts';
import { print, printJson } from '../output/print.ts';
import { EXIT_INTERRUPTED, UserError } from '../user-error.ts';
import { writeTogether } from '../written-files.ts';
import { ask, listIn } from './questions.ts';
import { DEFAULTS, type FirstPolicy, policyText } from './template.ts';

export interface InitOptions {
  readonly out: string;
  readonly tenantTag?: string;
  readonly limit?: string;
  readonly regions?: string;
  readonly timeZone?: string;
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Writes a first policy and its schema, both or neither. @returns the exit code */
export async function runInit(options: InitOptions & { readonly path: string }): Promise<number> {
  const schemaPath = join(dirname(options.path), `${basename(options.path, extname(options.path))}.schema.json`);
  if (options.force !== true)
    for (const path of [options.path, schemaPath])
      if (await isThere(path))
        throw new UserError([`${path}: is there already; --force writes over it, --out <file> names another`]);
  let policy: FirstPolicy = {
    tenantTag: options.tenantTag ?? DEFAULTS.tenantTag,
    limit: options.limit ?? DEFAULTS.limit,
    regions: options.regions === undefined ? [regionHere()] : listIn(options.regions),
    timeZone: options.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
  const problem = problemOf(policy);
  if (problem !== undefined) throw new UserError([problem]);
  if (options.yes !== true) {
    if (options.json === true || !process.stdin.isTTY)
      throw new UserError(['expected --yes: nobody can be asked here what the policy is to say']);
    const answers = await ask(policy, problemOf, process.stdin, process.stdout);
    if (answers.kind === 'interrupted') {
      print('\nNothing was written.');
      return EXIT_INTERRUPTED;
    }
    policy = answers.policy;
  }
  const files = [
    { path: options.path, text: policyText(policy, basename(schemaPath)) },
    { path: schemaPath, text: `${JSON.stringify(policyJsonSchema(), null, 2)}\n` },
  ];
  await writeTogether(files).catch((error: unknown) => {
    throw new UserError([`--out: ${options.out}: ${writingTrouble(error)}`]);
  });
  if (options.json === true) printJson({ type: 'init', policy: options.path, schema: schemaPath });
  else {
    print(`${options.path}: the policy, with comments; it begins in mode "observe" and restricts nobody`);
    print(`${schemaPath}: its JSON Schema, for editors`);
    print(`Next: ${PROGRAM} validate --policy ${options.out}`);
  }
  return 0;
}

const regionHere = (): string => process.env['AWS_REGION'] || process.env['AWS_DEFAULT_REGION'] || 'us-east-1';

const isThere = async (path: string): Promise<boolean> =>
  await access(path).then(
    () => true,
    () => false,
  );

/** Says what was typed wrongly by its option. */
const OPTION_OF: readonly (readonly [place: RegExp, option: string])[] = [
  [/^budgets\[0\]\.limit/, '--limit'],
  [/^regions/, '--regions'],
  [/^timeZone/, '--time-zone'],
  [/^(tenantTag|tags|budgets)/, '--tenant-tag'],
];

function problemOf(policy: FirstPolicy): string | undefined {
  const reading = readPolicy(parse(policyText(policy, 'policy.schema.json')));
  const [problem] = reading.kind === 'valid' ? [] : reading.problems;
  if (problem === undefined) return undefined;
  const option = OPTION_OF.find(([place]) => place.test(problem.place))?.[1] ?? problem.place;
  return `${option}: ${problem.message}`;
}

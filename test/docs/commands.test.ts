import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { governorProgram } from '../../cli/program.ts';
import { adoptionOf } from '../../infra/adopt-table.ts';
import { readDeployment } from '../../infra/deployment.ts';
import { awsProblems } from './aws-command.ts';
import { documents, fencesOf, placeOf, ROOT } from './fences.ts';
import { commandsOf, type Words } from './shell.ts';

/**
 * Every command that a document shows is one that exists, with options that it has. Those of docs/getting-started.md up to
 * the real account are run besides (test/docs/getting-started.test.ts), and the README's two by `.ci/run`. The others
 * need an account or what somebody has to put in their place.
 */

const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(await readFile(`${ROOT}/package.json`, 'utf8')));

/** Programs of every machine, and functions that a block defines for itself. */
const PLAIN = new Set(['cat', 'cd', 'curl', 'date', 'git', 'jq', 'node', 'printf', 'sed', 'sleep', 'unset']);
const DEFINED = new Set(['key', 'simulate', 'try']);
/** What npm does by itself. */
const NPM = new Set(['ci', 'install', 'start', 'test']);

const blocks = (await Promise.all((await documents()).map(fencesOf)))
  .flat()
  .filter(({ language }) => language === 'sh');
const cases = blocks.flatMap((block) =>
  commandsOf(block.text).map((words) => [placeOf(block), words.join(' '), words] as const),
);

describe('a command in the documents', () => {
  it('is found', () => {
    expect(blocks.length).toBeGreaterThan(60);
    for (const program of ['npm', 'aws', 'governor', 'npx'])
      expect(cases.filter(([, , [first]]) => first === program).length, program).toBeGreaterThan(0);
  });

  it.each(cases)('%s: %s', async (_place, _line, words) => {
    expect(await problemsOf(words)).toEqual([]);
  });
});

describe('the check of commands', () => {
  it.each<[string, RegExp]>([
    ['npm run governor -- stats', /no command "stats"/],
    ['npm run governor -- status --tenants', /unknown option '--tenants'/],
    ['npm run governor -- local --port many', /--port/],
    ['npm run governor -- invoke "Say hello"', /needs --model/],
    ['npm run governor -- status acme globex', /takes 1 operand/],
    ['npm run packages', /no script "packages"/],
    ['npm run package -- --stages prod', /--stages/],
    ['aws iam tag-roles --role-name a', /no operation TagRoles/],
    ['aws iam tag-role --name a', /TagRole has no --name/],
    ['aws iam tag-role --tags "$(aws iam tag-rule)"', /no operation TagRule/],
    ['terraform apply', /terraform: unknown/],
  ])('refuses %s', async (line, problem) => {
    const problems = await Promise.all(commandsOf(line).map(problemsOf));
    expect(problems.flat().join('\n')).toMatch(problem);
  });
});

async function problemsOf([program = '', ...words]: Words): Promise<readonly string[]> {
  if (PLAIN.has(program) || DEFINED.has(program)) return [];
  if (program === 'governor') return words.includes('[options]') ? [] : governorProblems(words);
  if (program === 'aws') return await awsProblems(words);
  if (program === 'npx') return words[0] === 'tsx' ? [] : [`npx ${words[0]}: unknown`];
  if (program !== 'npm') return [`${program}: unknown`];
  if (words[0] !== 'run') return NPM.has(words[0] ?? '') ? [] : [`npm ${words[0]}: unknown`];
  const [, script = '', dashes, ...rest] = words;
  if (scripts[script] === undefined) return [`package.json has no script "${script}"`];
  if (dashes !== undefined && dashes !== '--') return [`npm run ${script}: "--" comes before ${dashes}`];
  if (script === 'governor') return governorProblems(rest);
  if (script === 'package') return refusalOf(() => readDeployment(adoptionOf(rest).others).deployment());
  return [];
}

function governorProblems(words: Words): readonly string[] {
  let command: Command = governorProgram();
  let rest = [...words];
  while (command.commands.length > 0) {
    const [name = '', ...others] = rest;
    const found = command.commands.find((each) => each.name() === name);
    if (found === undefined) return [`the governor has no command "${name}"`];
    command = found;
    rest = others;
  }
  const named = command;
  return refusalOf(() => {
    named.exitOverride().configureOutput({ writeErr: () => undefined });
    const { operands, unknown } = named.parseOptions(rest);
    const [first] = unknown;
    if (first !== undefined) throw new Error(`unknown option '${first}'`);
    const most = named.registeredArguments.some(({ variadic }) => variadic)
      ? Infinity
      : named.registeredArguments.length;
    if (operands.length > most) throw new Error(`${named.name()} takes ${most} operands, not ${operands.length}`);
    for (const { mandatory, long, attributeName } of named.options.map((option) => ({
      mandatory: option.mandatory,
      long: option.long,
      attributeName: option.attributeName(),
    })))
      if (mandatory && named.getOptionValue(attributeName) === undefined)
        throw new Error(`${named.name()} needs ${long}`);
  });
}

function refusalOf(work: () => unknown): readonly string[] {
  try {
    work();
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

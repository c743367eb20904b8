import { join } from 'node:path';
import { writingTrouble } from '../../infra/file-trouble.ts';
import { governorRoles } from '../../infra/guard/governor-roles.ts';
import { guardPolicies } from '../../infra/guard/guard-policies.ts';
import { charactersOf, MAX_CHARACTERS, textOf } from '../../infra/guard/policy-document.ts';
import { callerOf } from '../caller.ts';
import { print, printJson } from '../output/print.ts';
import type { PolicyFile } from '../policy-file.ts';
import { UserError } from '../user-error.ts';
import { writeTogether } from '../written-files.ts';

/** What was typed. */
export interface GuardOptions {
  /** The policy file's name, for messages. */
  readonly policy: string;
  /** The folder for the documents. */
  readonly out: string;
  readonly account?: string;
  readonly stage: string;
  readonly homeRegion: string;
  readonly operatorRole: readonly string[];
  readonly json?: boolean;
}

/**
 * Writes the guard's documents. Changes nothing in AWS, and asks it only for the account's id where none was given.
 * @throws {UserError} with everything that is wrong, before any file is written
 */
export async function runGuard({ policy }: PolicyFile, options: GuardOptions): Promise<number> {
  const problems = problemsOf(options);
  if (problems.length > 0) throw new UserError(problems);
  const accountId = options.account ?? (await callerOf()).account;
  const stack = { stage: options.stage, region: options.homeRegion };
  const taggingRoles = [...governorRoles(stack), ...options.operatorRole];
  const reading = guardPolicies({ accountId, policy, taggingRoles });
  if (reading.kind === 'impossible')
    throw new UserError(reading.problems.map((problem) => `${options.policy}: ${problem}`));
  try {
    await writeTogether(
      reading.policies.map(({ name, kind, document }) => ({
        path: join(options.out, name),
        text: textOf(kind, document),
      })),
      options.out,
    );
  } catch (error) {
    throw new UserError([`--out: ${options.out}: expected a folder to write to; ${writingTrouble(error)}`]);
  }
  const documents = reading.policies.map(({ name, kind, document }) => ({
    name,
    characters: charactersOf(kind, document),
    most: MAX_CHARACTERS[kind],
  }));
  if (options.json === true) {
    printJson({ type: 'guard', account: accountId, documents, taggingRoles });
    return 0;
  }
  for (const { name, characters, most } of documents) print(`${name}: ${characters} of ${most} characters`);
  print(`For account ${accountId}. These roles may write tags under "governor:":`);
  for (const role of taggingRoles) print(`  ${role}`);
  print('How to attach them, and what to try first: docs/guard-policies.md');
  return 0;
}

function problemsOf({ account, stage, homeRegion, operatorRole }: GuardOptions): string[] {
  const problems: string[] = [];
  if (account !== undefined && !/^\d{12}$/.test(account))
    problems.push(`--account: expected an AWS account id of 12 digits such as 123456789012, not "${account}"`);
  if (!/^[a-zA-Z0-9-]+$/.test(stage))
    problems.push(`--stage: expected the stage of the stack such as prod, not "${stage}"`);
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(homeRegion))
    problems.push(`--home-region: expected the Region of the stack such as us-east-1, not "${homeRegion}"`);
  // The characters of a role's name, and `/` for its path [IAM API reference, CreateRole]; a wildcard is none of them.
  for (const role of operatorRole)
    if (!/^(?:[\w+=,.@-]+\/)*[\w+=,.@-]{1,64}$/.test(role))
      problems.push(`--operator-role: expected the name of a role, with its path where it has one, not "${role}"`);
  return problems;
}

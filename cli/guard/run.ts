import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { governorRoles } from '../../infra/guard/governor-roles.ts';
import { guardPolicies } from '../../infra/guard/guard-policies.ts';
import { charactersOf, MAX_CHARACTERS, textOf } from '../../infra/guard/policy-document.ts';
import { callerOf } from '../caller.ts';
import type { PolicyFile } from '../policy-file.ts';
import { UserError } from '../user-error.ts';

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
}

/**
 * Writes the guard's documents. Changes nothing in AWS, and asks it only for the account's id where none was given.
 * @throws {UserError} with everything that is wrong, before any file is written
 */
export async function runGuard({ policy }: PolicyFile, options: GuardOptions): Promise<void> {
  const problems = problemsOf(options);
  if (problems.length > 0) throw new UserError(problems);
  const accountId = options.account ?? (await callerOf()).account;
  const stack = { stage: options.stage, region: options.homeRegion };
  const taggingRoles = [...governorRoles(stack), ...options.operatorRole];
  const reading = guardPolicies({ accountId, policy, taggingRoles });
  if (reading.kind === 'impossible')
    throw new UserError(reading.problems.map((problem) => `${options.policy}: ${problem}`));
  const lines: string[] = [];
  try {
    await mkdir(options.out, { recursive: true });
    for (const { name, kind, document } of reading.policies) {
      await writeFile(join(options.out, name), textOf(kind, document));
      lines.push(`${name}: ${charactersOf(kind, document)} of ${MAX_CHARACTERS[kind]} characters`);
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError([`--out: ${options.out}: expected a folder to write to (${code ?? message})`]);
  }
  process.stdout.write(
    `${lines.join('\n')}\nFor account ${accountId}. These roles may write tags under "governor:":\n${taggingRoles
      .map((role) => `  ${role}`)
      .join('\n')}\nHow to attach them, and what to try first: docs/guard-policies.md\n`,
  );
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

import { knownNames } from '../../aws/known-names.ts';
import { approximations } from '../../domain/budgets/approximations.ts';
import { howMany } from '../../domain/how-many.ts';
import { unfamiliarNames } from '../../domain/policy/unfamiliar-names.ts';
import { declaredProfiles } from '../../domain/profiles/declared-profiles.ts';
import { print, printJson } from '../output/print.ts';
import { styleOf } from '../output/style.ts';
import { PolicyFileError, readPolicyFile } from '../policy-file.ts';
import { EXIT_USER_ERROR } from '../user-error.ts';

export interface ValidateOptions {
  /** As it was typed. */
  readonly policy: string;
  readonly json?: boolean;
}

/** @returns the exit code */
export async function runValidate(options: ValidateOptions & { readonly path: string }): Promise<number> {
  try {
    const { policy } = await readPolicyFile(options.path);
    const declared = declaredProfiles(policy);
    const profiles = declared.kind === 'valid' ? declared.profiles.length : 0;
    const told = approximations(policy);
    const doubts = unfamiliarNames(policy, knownNames());
    const budgets = policy.budgets.length;
    if (options.json === true) {
      const counts = { budgets, declaredProfiles: profiles };
      printJson({
        type: 'validation',
        policy: options.policy,
        valid: true,
        problems: [],
        approximations: told,
        doubts,
        ...counts,
      });
      return 0;
    }
    print(
      `${styleOf().green('valid')}: ${options.policy}, ${howMany(budgets, 'budget')}, ${howMany(profiles, 'declared profile')}`,
    );
    if (doubts.length > 0) print('\nNames that may be mistyped:');
    for (const { place, text } of doubts) print(`  - ${place}: ${text}`);
    if (told.length > 0) print('\nWhat AWS Budgets only approximates:');
    for (const { budget, text } of told) print(`  - ${budget === undefined ? '' : `${budget}: `}${text}`);
    return 0;
  } catch (error) {
    if (!(error instanceof PolicyFileError) || options.json !== true) throw error;
    printJson({ type: 'validation', policy: options.policy, valid: false, problems: error.found });
    return EXIT_USER_ERROR;
  }
}

import { applyPlan } from '../../domain/profiles/apply-plan.ts';
import { commandLine } from '../command-line.ts';
import { type StackOptions, tableOf } from '../connection.ts';
import { unlessTwice } from '../interruption.ts';
import { folded } from '../output/fold.ts';
import { print } from '../output/print.ts';
import { progress } from '../output/progress.ts';
import { styleOf } from '../output/style.ts';
import type { PolicyFile } from '../policy-file.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED, UserError } from '../user-error.ts';
import { type Account, accountOf } from './account.ts';
import { type AccountPlan, count, hasChanges, isAsDeclared, planFor, toChange } from './account-plan.ts';
import { askForConsent } from './consent.ts';
import { jsonVoice, type PlanVoice, textVoice } from './plan-voice.ts';

export interface PlanOptions extends StackOptions {
  /** The policy file as it was typed. */
  readonly policy: string;
  readonly json?: boolean;
  readonly detailedExitcode?: boolean;
}

export interface ApplyOptions extends StackOptions {
  readonly json?: boolean;
  readonly yes?: boolean;
}

/** As `terraform plan -detailed-exitcode` counts it. */
const EXIT_CHANGES = 2;

/** @returns the exit code */
export async function runPlan(file: PolicyFile, options: PlanOptions): Promise<number> {
  const table = tableOf(options);
  const plan = await planned(await accountOf(table), file, { ...options, table });
  voiceFor(options).plan(plan);
  if (options.json !== true && hasChanges(plan))
    print(`Nothing was changed. To do it: ${commandLine(`apply --policy ${options.policy}`)}`);
  return options.detailedExitcode === true && !isAsDeclared(plan) ? EXIT_CHANGES : 0;
}

/** Shows the plan, asks, and works it off. @returns the exit code */
export async function runApply(file: PolicyFile, options: ApplyOptions): Promise<number> {
  if (options.yes !== true && (options.json === true || !process.stdin.isTTY))
    throw new UserError(['expected --yes: nobody can be asked here whether to apply']);
  const table = tableOf(options);
  const account = await accountOf(table);
  const plan = await planned(account, file, { ...options, table });
  const voice = voiceFor(options);
  voice.plan(plan);
  if (hasChanges(plan)) {
    const consent = options.yes === true ? 'given' : await askForConsent(process.stdin, process.stdout);
    if (consent !== 'given') {
      process.stdout.write('\nNothing was changed.\n');
      return consent === 'interrupted' ? EXIT_INTERRUPTED : 0;
    }
    const end = await workOff(account, file, plan, voice);
    if (end !== 'complete') return end === 'interrupted' ? EXIT_INTERRUPTED : EXIT_FAILED;
    if (options.json !== true) print(`The governor sees it within minutes. Then: ${commandLine('status')}`);
  }
  return count(plan, 'conflict') > 0 ? EXIT_FAILED : 0;
}

/** Reading every profile of many takes a while. */
async function planned(
  account: Account,
  file: PolicyFile,
  { table, json }: { readonly table: string; readonly json?: boolean },
): Promise<AccountPlan> {
  const bar = progress(json === undefined ? {} : { json });
  bar.at(`reading the profiles of ${file.policy.regions.join(', ')} …`);
  try {
    return await planFor(account, file, table);
  } finally {
    bar.done();
  }
}

async function workOff(
  account: Account,
  { document }: PolicyFile,
  plan: AccountPlan,
  voice: PlanVoice,
): Promise<'complete' | 'incomplete' | 'interrupted'> {
  let isInterrupted = false;
  const done = { created: 0, adopted: 0, notDone: 0 };
  const left = () => toChange(plan) - done.created - done.adopted - done.notDone;
  // Who asks twice does not want to wait for the answer to the request under way; AWS does that as a whole or not at all.
  const interrupted = () => {
    isInterrupted = true;
    voice.interrupted();
  };
  await unlessTwice(interrupted, async () => {
    try {
      // First, so that the profiles are governed under this policy from their first event on.
      if (plan.storesPolicy) {
        await account.policies.apply(document);
        voice.policyStored(plan.table);
      }
      if (!isInterrupted && !plan.observes)
        for await (const step of applyPlan(account.ports, plan.actions)) {
          voice.applied(step);
          if (step.kind === 'not-done') done.notDone++;
          else done[step.kind]++;
          if (isInterrupted) break;
        }
    } finally {
      voice.end({ ...done, left: left() });
    }
  });
  if (isInterrupted && left() > 0) return 'interrupted';
  return done.notDone > 0 ? 'incomplete' : 'complete';
}

function voiceFor(options: { readonly json?: boolean }): PlanVoice {
  const { stdout } = process;
  const write = (text: string) => void stdout.write(text);
  if (options.json === true) return jsonVoice(write);
  return textVoice((text) => write(folded(text)), { colours: styleOf(stdout).isColorSupported });
}

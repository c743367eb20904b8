import pc from 'picocolors';
import { isoTime } from '../../domain/clock.ts';
import type { TagKeyCheck } from '../../domain/policy/tag-keys.ts';
import type { Applied } from '../../domain/profiles/apply-plan.ts';
import type { PlannedAction } from '../../domain/profiles/plan-profiles.ts';
import { regionOf } from '../../domain/profiles/profile-arn.ts';
import { describeTags } from '../../domain/tags.ts';
import { type AccountPlan, count, hasChanges } from './account-plan.ts';
import { budgetDocument, consequences, standingsLines } from './standings-text.ts';

/** How a plan and what became of it are told: to people, or to programs. */
export interface PlanVoice {
  plan(plan: AccountPlan): void;
  policyStored(table: string): void;
  applied(step: Applied): void;
  interrupted(): void;
  /** @param left actions of the plan that were not begun */
  end(done: {
    readonly created: number;
    readonly adopted: number;
    readonly notDone: number;
    readonly left: number;
  }): void;
}

const nameOf = (action: PlannedAction): string =>
  action.kind === 'surplus' ? action.found.name : action.declared.name;
const placeOf = (action: PlannedAction): string =>
  action.kind === 'surplus' ? regionOf(action.found.arn) : action.declared.region;

const adviceOn = (check: Exclude<TagKeyCheck, { kind: 'sufficient' }>): string =>
  check.kind === 'insufficient'
    ? `the roles of the stack may not write ${check.missing.join(', ')}, which this policy mends: package and deploy the stack with it (npm run package -- --policy <file>), else these tags are not mended`
    : `whether the roles of the stack may write the tags that this policy mends is not known: ${check.because}`;

/** One JSON object on each line. */
export const jsonVoice = (write: (text: string) => void): PlanVoice => {
  const line = (value: object) => write(`${JSON.stringify(value)}\n`);
  return {
    plan(plan) {
      const { accountId, table, actions } = plan;
      line({ type: 'policy', accountId, table, action: plan.storesPolicy ? 'store' : 'keep' });
      for (const action of actions)
        line({
          type: 'profile',
          action: action.kind,
          name: nameOf(action),
          region: placeOf(action),
          ...(action.kind === 'surplus' ? {} : { model: action.declared.model, tags: action.declared.tags }),
          ...('found' in action ? { arn: action.found.arn } : {}),
          ...(action.kind === 'conflict' ? { because: action.because } : {}),
        });
      for (const budget of plan.standings.budgets) line(budgetDocument(budget));
      for (const { kind, from, ...profile } of plan.standings.profiles)
        line({
          type: 'standing',
          action: kind,
          ...profile,
          ...(from === undefined ? {} : { from: isoTime(from) }),
        });
      for (const doubt of plan.doubts) line({ type: 'doubt', ...doubt });
      for (const approximation of plan.approximations) line({ type: 'approximation', ...approximation });
      if (plan.tagKeys.kind !== 'sufficient') line({ type: 'stack', ...plan.tagKeys, advice: adviceOn(plan.tagKeys) });
      line({ type: 'plan', changes: hasChanges(plan), observes: plan.observes, ...countsOf(plan) });
    },
    policyStored: (table) => line({ type: 'stored', table }),
    applied: (step) =>
      line({
        type: 'applied',
        outcome: step.kind,
        name: nameOf(step.action),
        region: placeOf(step.action),
        ...(step.kind === 'not-done' ? { because: step.why } : { arn: step.arn }),
      }),
    interrupted: () => line({ type: 'interrupted' }),
    end: (done) => line({ type: 'end', ...done }),
  };
};

const countsOf = (plan: AccountPlan) => ({
  create: count(plan, 'create'),
  adopt: count(plan, 'adopt'),
  keep: count(plan, 'keep'),
  conflict: count(plan, 'conflict'),
  surplus: count(plan, 'surplus'),
});

export const textVoice = (write: (text: string) => void, options: { readonly colours: boolean }): PlanVoice => {
  const colour = pc.createColors(options.colours);
  const SYMBOLS: Record<PlannedAction['kind'], string> = {
    create: colour.green('+'),
    adopt: colour.yellow('~'),
    keep: colour.dim('='),
    conflict: colour.red('!'),
    surplus: colour.cyan('?'),
  };
  const tell = (action: PlannedAction): void => {
    const name = nameOf(action);
    write(`  ${SYMBOLS[action.kind]} ${name} in ${placeOf(action)}\n`);
    const more = (text: string) => write(`      ${colour.dim(text)}\n`);
    if (action.kind === 'surplus')
      more(`${action.found.arn} is declared no longer; it stays until somebody deletes it`);
    if (action.kind === 'surplus' || action.kind === 'keep') return;
    more(`${action.declared.model} with ${describeTags(action.declared.tags)}`);
    if (action.kind === 'conflict') more(action.because);
    if (action.kind === 'adopt') more(`is there as ${action.found.name} (${action.found.arn})`);
  };
  return {
    plan(plan) {
      const { accountId, table, actions } = plan;
      write(`Account ${accountId}\n\n`);
      write(
        plan.storesPolicy
          ? `  ${SYMBOLS.adopt} policy in table ${table}: this file is stored\n`
          : `  ${SYMBOLS.keep} policy in table ${table}\n`,
      );
      for (const action of actions) tell(action);
      for (const text of standingsLines(plan.standings, colour)) write(`${text}\n`);
      if (plan.doubts.length > 0) write('\nNames that may be mistyped:\n');
      for (const { place, text } of plan.doubts) write(`  ${colour.dim('-')} ${place}: ${text}\n`);
      if (plan.approximations.length > 0) write('\nWhat AWS Budgets only approximates:\n');
      for (const { budget, text } of plan.approximations)
        write(`  ${colour.dim('-')} ${budget === undefined ? '' : `${budget}: `}${text}\n`);
      if (plan.tagKeys.kind !== 'sufficient') write(`\n  ${SYMBOLS.conflict} ${adviceOn(plan.tagKeys)}\n`);
      const { create, adopt, keep, conflict, surplus } = countsOf(plan);
      const end = plan.observes
        ? '. The policy observes: none of this is done to profiles.'
        : hasChanges(plan)
          ? '.'
          : '. Nothing to do.';
      write(
        `\n${create} to create, ${adopt} to adopt, ${keep} as declared${conflict > 0 ? `, ${conflict} in conflict` : ''}${surplus > 0 ? `, ${surplus} surplus` : ''}${consequences(plan.standings)}${end}\n`,
      );
    },
    policyStored: (table) => write(`\nThe policy is stored in table ${table}.\n`),
    applied(step) {
      const what = `${nameOf(step.action)} in ${placeOf(step.action)}`;
      write(
        step.kind === 'not-done'
          ? `  ${SYMBOLS.conflict} ${what}: ${step.why}\n`
          : `  ${step.kind === 'created' ? SYMBOLS.create : SYMBOLS.adopt} ${what}: ${step.arn}\n`,
      );
    },
    interrupted: () => write('Ends after the request under way …\n'),
    end({ created, adopted, notDone, left }) {
      write(
        `\n${created} created, ${adopted} adopted${notDone > 0 ? `, ${notDone} not done` : ''}${left > 0 ? `, ${left} left: the same command goes on from here` : ''}.\n`,
      );
      if (notDone > 0)
        write('What was not done AWS has refused, for the reason beside it: mend that, and apply again.\n');
    },
  };
};

import { shortTime } from '../../domain/clock.ts';
import { howMany } from '../../domain/how-many.ts';
import { displayUsd } from '../../domain/money.ts';
import type { PlannedBudget, PlannedStandings } from '../../domain/status/planned-standings.ts';
import { harmless, usd } from '../output/print.ts';
import type { Style } from '../output/style.ts';

/** What a plan says of budgets and profiles that are there. */
export function standingsLines({ budgets, profiles }: PlannedStandings, style: Style): readonly string[] {
  return [
    ...(budgets.length === 0 ? [] : ['', 'What follows for budgets, by the sweep within minutes:']),
    ...budgets.map((budget) => `  ${budgetLine(budget, style)}`),
    ...(profiles.length === 0 ? [] : ['', 'And for profiles:']),
    ...profiles.map(({ kind, name, because, from }) =>
      kind === 'quarantined'
        ? `  ${style.red('!')} ${name} is quarantined${from === undefined ? '' : ` at ${shortTime(from)}, unless its tags are mended until then`}: ${harmless(because ?? '')}`
        : `  ${style.green('~')} ${name} is released`,
    ),
  ];
}

function budgetLine(planned: PlannedBudget, style: Style): string {
  switch (planned.kind) {
    case 'begins':
      return `${style.green('+')} ${planned.budget.id}: ${displayUsd(planned.budget.limit)} a ${planned.budget.period}, for ${howMany(planned.profiles, 'profile')}${opening(planned)}`;
    case 'ends':
      return `${style.red('-')} ${planned.id} ends`;
    case 'changes': {
      const { budget, period, limit, stopAt, standing, because } = planned;
      const amount = (what: string, { before, after }: typeof limit) =>
        before === after ? [] : [`${what} ${displayUsd(before)} → ${displayUsd(after)}`];
      const stands =
        standing.before === standing.after
          ? []
          : [`${standing.before} → ${standing.after}${because === undefined ? '' : `: ${harmless(because)}`}`];
      return `${style.yellow('~')} ${budget.id} ${period}: ${[...amount('limit', limit), ...amount('stops at', stopAt), ...stands].join(', ')}`;
    }
  }
}

/** With what a budget begins, where its profiles have spent something before it or it is not open. */
function opening({ spent, standing, because }: Extract<PlannedBudget, { kind: 'begins' }>): string {
  return [
    ...(spent === 0n ? [] : [`; they have spent ${displayUsd(spent)} in its period`]),
    ...(standing === 'open' ? [] : [`, so it begins ${standing}: ${harmless(because ?? '')}`]),
  ].join('');
}

/** The counts, as a sentence goes on; nothing where nothing follows. */
export function consequences({ budgets, profiles }: PlannedStandings): string {
  const of = (kind: PlannedBudget['kind']): number => budgets.filter((each) => each.kind === kind).length;
  const quarantined = profiles.filter(({ kind }) => kind === 'quarantined').length;
  const parts = [
    [of('begins'), 'budget begins', 'budgets begin'],
    [of('changes'), 'budget changes', 'budgets change'],
    [of('ends'), 'budget ends', 'budgets end'],
    [quarantined, 'profile quarantined', 'profiles quarantined'],
    [profiles.length - quarantined, 'profile released', 'profiles released'],
  ] as const;
  return parts.flatMap(([count, one, many]) => (count === 0 ? [] : [`; ${howMany(count, one, many)}`])).join('');
}

/** A line of JSON for one budget. */
export function budgetDocument(planned: PlannedBudget): object {
  if (planned.kind === 'ends') return { type: 'budget', action: 'end', budget: planned.id };
  if (planned.kind === 'begins')
    return {
      type: 'budget',
      action: 'begin',
      budget: planned.budget.id,
      limitUsd: usd(planned.budget.limit),
      profiles: planned.profiles,
      spentUsd: usd(planned.spent),
      standing: planned.standing,
      ...(planned.because === undefined ? {} : { because: planned.because }),
    };
  const { budget, period, limit, stopAt, standing, because } = planned;
  return {
    type: 'budget',
    action: 'change',
    budget: budget.id,
    period,
    limitUsd: { before: usd(limit.before), after: usd(limit.after) },
    stopAtUsd: { before: usd(stopAt.before), after: usd(stopAt.after) },
    standing,
    ...(because === undefined ? {} : { because }),
  };
}

import { shortTime } from '../../domain/clock.ts';
import { displayUsd } from '../../domain/money.ts';
import { type BudgetFigures, type BudgetStatus, type Reason, shareOf } from '../../domain/status/budget-status.ts';
import { harmless } from '../output/print.ts';
import { type Style, standingIn } from '../output/style.ts';
import { type Column, tableOf } from '../output/table.ts';

const NOTHING_YET = 'not provided yet';

/** All budgets, one line each. */
export function statusTable(statuses: readonly BudgetStatus[], style: Style): string {
  const money = (title: string, of: (figures: BudgetFigures) => string): Column<BudgetStatus> => ({
    title,
    right: true,
    of: ({ figures }) => (figures === undefined ? '' : of(figures)),
  });
  return tableOf<BudgetStatus>(
    [
      { title: 'budget', of: ({ budget }) => budget.id },
      { title: 'period', of: ({ period }) => period.id },
      { title: 'standing', of: (status) => standingOf(status, style) },
      money('spent', ({ spent }) => displayUsd(spent)),
      { title: 'of limit', right: true, of: (status) => (status.figures === undefined ? '' : `${shareOf(status)}%`) },
      money('committed', ({ item }) => displayUsd(item.committed)),
      money('left', ({ left }) => displayUsd(left)),
      { title: 'forecast', of: forecastOf },
      { title: 'why', of: ({ figures }) => (figures?.reason === undefined ? '' : shortReason(figures.reason)) },
    ],
    statuses,
    style,
  );
}

const standingOf = ({ budget, figures }: BudgetStatus, style: Style): string =>
  figures === undefined
    ? style.dim(NOTHING_YET)
    : `${standingIn(style, figures.standing)}${budget.isShadow ? ' (shadow)' : ''}`;

const shortReason = ({ text, who, from }: Reason): string =>
  harmless(from === 'operator' && who !== undefined ? `${text} (${nameIn(who)})` : text);

/** The last part of an ARN: who it is, for a person. */
const nameIn = (arn: string): string => arn.split(/[/:]/).at(-1) ?? arn;

/** One budget in full. */
export function statusLines(status: BudgetStatus, style: Style): readonly string[] {
  const { budget, period, figures } = status;
  const head = `${style.bold(budget.id)}  ${period.id}, until ${shortTime(period.endsAt)}: ${standingOf(status, style)}`;
  if (figures === undefined) return [head, '  The ledger has no item of this period yet; the next sweep provides it.'];
  const { item, reason, raised } = figures;
  const waiting = [
    ...(item.unconfirmed > 0n ? [`${displayUsd(item.unconfirmed)} unconfirmed`] : []),
    ...(item.unattributed > 0n ? [`${displayUsd(item.unattributed)} seen by AWS alone`] : []),
  ];
  return [
    head,
    `  spent      ${displayUsd(figures.spent)} of ${displayUsd(budget.limit)} (${shareOf(status)}%)${waiting.length === 0 ? '' : `, of which ${waiting.join(', ')}`}`,
    `  committed  ${displayUsd(item.committed)}: ${displayUsd(item.leased)} is leased to ${[...item.holders.values()].filter(({ leased }) => leased > 0n).length} processes`,
    figures.standing === 'closed'
      ? '  left       nothing while it is closed'
      : `  left       ${displayUsd(figures.left)} up to ${displayUsd(figures.ceiling)}`,
    ...(raised > 0n ? [`  raised     by ${displayUsd(raised)}`] : []),
    `  forecast   ${forecastOf(status)}`,
    ...(reason === undefined ? [] : whyLines(reason, figures)),
  ];
}

const BY = { money: 'its money', operator: 'an operator', signal: "AWS's watchers" } as const;

function whyLines({ from, text, who, when }: Reason, { until }: BudgetFigures): string[] {
  const source = who === undefined ? BY[from] : `${BY[from]} (${who})`;
  return [
    `  why        ${harmless(text)}`,
    `  by         ${source}${when === undefined ? '' : `, since ${shortTime(when)}`}`,
    `  until      ${shortTime(until)}`,
  ];
}

export function forecastOf({ figures, period }: BudgetStatus): string {
  const forecast = figures?.forecast;
  switch (forecast?.kind) {
    case undefined:
      return '';
    case 'used-up':
      return 'used up';
    case 'standing-still':
      return 'nothing spent lately';
    case 'unknown':
      return 'not known yet';
    case 'foreseen':
      return forecast.expectedAt < period.endsAt
        ? `used up at ${shortTime(forecast.expectedAt)}`
        : `${displayUsd(forecast.atEnd)} at the end`;
  }
}

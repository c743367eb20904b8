import { Temporal } from 'temporal-polyfill';

export const TIME_UNITS = ['DAILY', 'MONTHLY', 'QUARTERLY', 'ANNUALLY', 'CUSTOM'] as const;
export type TimeUnit = (typeof TIME_UNITS)[number];

/** Epoch milliseconds; `end` is exclusive. */
export interface Period {
  readonly start: number;
  readonly end: number;
}

/** The calendar period, in UTC, that `at` falls into; of a custom budget, its one period. */
export function periodAt(unit: TimeUnit, at: number, custom: Period): Period {
  if (unit === 'CUSTOM') return custom;
  const date = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO('UTC').toPlainDate();
  switch (unit) {
    case 'DAILY':
      return between(date, date.add({ days: 1 }));
    case 'MONTHLY': {
      const first = date.with({ day: 1 });
      return between(first, first.add({ months: 1 }));
    }
    case 'QUARTERLY': {
      const first = date.with({ day: 1, month: date.month - ((date.month - 1) % 3) });
      return between(first, first.add({ months: 3 }));
    }
    case 'ANNUALLY': {
      const first = date.with({ day: 1, month: 1 });
      return between(first, first.add({ years: 1 }));
    }
  }
}

const between = (start: Temporal.PlainDate, end: Temporal.PlainDate): Period => ({
  start: start.toZonedDateTime('UTC').epochMilliseconds,
  end: end.toZonedDateTime('UTC').epochMilliseconds,
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MinuteSeries, together } from '../../local/cloudwatch/minute-series.ts';

const MINUTE_MS = 60_000;
const told = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 * MINUTE_MS }), fc.integer({ min: 0, max: 1_000 })), {
  minLength: 1,
});

/** In whatever order it was told. */
test('a minute tells of all its values what each of them tells together', () => {
  const property = fc.property(told, (values) => {
    const series = new MinuteSeries();
    for (const [time, value] of values) series.add(time, value);

    const minutes = [...new Set(values.map(([time]) => Math.floor(time / MINUTE_MS)))].sort((a, b) => a - b);
    const expected = minutes.map((minute) => {
      const within = values.filter(([time]) => Math.floor(time / MINUTE_MS) === minute).map(([, value]) => value);
      return {
        at: minute * MINUTE_MS,
        sum: within.reduce((sum, value) => sum + value, 0),
        samples: within.length,
        minimum: Math.min(...within),
        maximum: Math.max(...within),
      };
    });
    expect(series.points).toEqual(expected);
    expect(series.lastAt).toBe(Math.max(...values.map(([time]) => time)));
    const [first, ...others] = series.points;
    if (first === undefined) throw new Error('something was told');
    expect(together([first, ...others])).toMatchObject({ at: first.at, samples: values.length });
  });
  fc.assert(property);
});

test('minutes before an instant are let go of, and no others', () => {
  const series = new MinuteSeries();
  for (const minute of [0, 1, 2, 3]) series.add(minute * MINUTE_MS + 1, minute);

  series.forget(2 * MINUTE_MS);
  expect(series.points.map(({ sum }) => sum)).toEqual([2, 3]);
  series.forget(60 * MINUTE_MS);
  expect(series.points).toEqual([]);
});

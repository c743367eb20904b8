import { describe, expect, it } from 'vitest';
import type { Fault } from './fault.ts';
import { baselineProblem, escapeOf } from './test-run.ts';
import type { Verdict, Verdicts } from './verdict-reporter.ts';

const FAULT: Fault = {
  id: 'F1',
  meaning: 'all pass',
  file: 'domain/x.ts',
  source: 'a',
  fault: 'b',
  test: { file: 'test/x.test.ts', title: 'holds [F1]' },
};
const passed: Verdict = { ...FAULT.test, state: 'passed', errors: [], message: '' };
const failed = (...errors: string[][]): Verdict => ({ ...passed, state: 'failed', errors, message: 'no' });
const verdicts = (...tests: Verdict[]): Verdicts => ({ tests, broken: [] });

describe('a fault', () => {
  it.each([
    ['an assertion', failed(['AssertionError'])],
    ['a property whose assertion fails', failed(['Error', 'AssertionError'])],
    ['an assertion among other errors', failed(['TypeError'], ['AssertionError'])],
  ])('is caught by %s of its test', (_, verdict) => expect(escapeOf(FAULT, verdicts(verdict))).toBeUndefined());

  it('is caught where its test is run several times and an assertion fails once', () =>
    expect(escapeOf(FAULT, verdicts(passed, failed(['AssertionError'])))).toBeUndefined());

  it.each([
    ['its test passes', verdicts(passed, passed), 'passes with the fault'],
    ['its test fails otherwise, as by a time-out', verdicts(failed(['Error'])), 'not by an assertion: no'],
    ['its test does not run', verdicts(), 'did not run'],
    [
      'its file cannot be loaded',
      { tests: [], broken: ['Unexpected token'] },
      'did not run with the fault: Unexpected',
    ],
    ['another test fails', verdicts({ ...failed(['AssertionError']), title: 'other' }), 'did not run'],
    [
      'a test of the same title in another file fails',
      verdicts({ ...failed(['AssertionError']), file: 'y' }),
      'not run',
    ],
  ])('is not caught where %s', (_, ran, why) => expect(escapeOf(FAULT, ran)).toContain(why));
});

describe('a test without its fault', () => {
  it('must pass', () => {
    expect(baselineProblem(FAULT, verdicts(passed))).toBeUndefined();
    expect(baselineProblem(FAULT, verdicts(failed(['AssertionError'])))).toContain('fails without the fault');
  });

  it('must pass each time, where it is run several times', () => {
    expect(baselineProblem(FAULT, verdicts(passed, passed))).toBeUndefined();
    expect(baselineProblem(FAULT, verdicts(passed, failed(['Error'])))).toContain('fails without the fault');
  });

  it('must be there', () => {
    expect(baselineProblem(FAULT, verdicts())).toContain('no test of this title');
  });
});

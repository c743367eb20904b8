import { expect } from 'vitest';
import { type Crash, type GovernedAccount, PortFailure } from './governed-account.ts';

/**
 * Lets each port call of a run fail in turn, before it does anything and after it has, and runs again: the end must be
 * that of a run without failures, with every notice entered once, and a further run must change nothing.
 */
export async function expectToSurviveEveryCrash(
  build: () => Promise<GovernedAccount>,
  run: (account: GovernedAccount) => Promise<unknown>,
): Promise<void> {
  const smooth = await build();
  smooth.calls = 0;
  await run(smooth);
  const calls = smooth.calls;
  expect(calls).toBeGreaterThan(0);
  const crashes = Array.from({ length: calls }, (_, at) => at).flatMap((at): Crash[] => [
    { at, when: 'before' },
    { at, when: 'after' },
  ]);
  for (const crash of crashes) {
    const account = await build();
    account.calls = 0;
    account.crash = crash;
    await run(account).catch((error: unknown) => {
      if (!(error instanceof PortFailure || (error instanceof Error && error.cause instanceof PortFailure)))
        throw error;
    });
    account.crash = undefined;
    await run(account);
    expect(account.state, `after a crash ${crash.when} port call ${crash.at}`).toEqual(smooth.state);
    account.changes = [];
    await run(account);
    expect(account.changes).toEqual([]);
    expect(account.state).toEqual(smooth.state);
  }
}

import { EXIT_INTERRUPTED } from './user-error.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

let held = 0;
let isToldLater = false;

/** What only reads, or has not written yet, ends at once with Ctrl-C, and by the exit code that shells know. @param told says it to programs */
export function endOnSignals(told: () => void): void {
  for (const signal of SIGNALS)
    process.on(signal, () => {
      if (held > 0) return;
      // Once something was written, its own command has told what.
      if (!isToldLater) {
        process.stderr.write(`${process.stderr.isTTY ? '\n' : ''}Interrupted: nothing was changed.\n`);
        told();
      }
      process.exit(EXIT_INTERRUPTED);
    });
}

/** Whether somebody pressed Ctrl-C while work went on that was to be finished: the exit code says so, whatever came of it. */
export const wasInterrupted = (): boolean => isInterrupted;
let isInterrupted = false;

/**
 * Runs work that must not stop half-way: the first Ctrl-C is told, and the work goes on to where nothing is half-done; a
 * second one ends the program all the same. The exit code is that of an interruption then.
 *
 * @param interrupted is told of the first
 */
export async function unlessTwice<T>(interrupted: () => void, work: () => Promise<T>): Promise<T> {
  let times = 0;
  const onSignal = () => {
    times += 1;
    if (times > 1) process.exit(EXIT_INTERRUPTED);
    isInterrupted = true;
    interrupted();
  };
  isToldLater = true;
  held += 1;
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    return await work();
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    held -= 1;
  }
}

/** That somebody pressed Ctrl-C before the first write: nothing was changed. */
export class InterruptedBefore extends Error {
  override readonly name = 'InterruptedBefore';
}

/** Resolves with the first Ctrl-C; a second one ends the program at once. */
export async function untilInterrupted(): Promise<void> {
  isToldLater = true;
  held += 1;
  await new Promise<void>((resolve) => {
    const onSignal = () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
      held -= 1;
      resolve();
    };
    for (const signal of SIGNALS) process.on(signal, onSignal);
  });
}

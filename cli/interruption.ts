import { EXIT_INTERRUPTED } from './user-error.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

let held = 0;

/** What only reads ends at once with Ctrl-C, and by the exit code that shells know. */
export function endOnSignals(): void {
  for (const signal of SIGNALS)
    process.on(signal, () => {
      if (held === 0) process.exit(EXIT_INTERRUPTED);
    });
}

/**
 * Runs work that must not stop half-way: the first Ctrl-C is told, and the work goes on to where nothing is half-done; a
 * second one ends the program all the same.
 *
 * @param interrupted is told of the first
 */
export async function unlessTwice<T>(interrupted: () => void, work: () => Promise<T>): Promise<T> {
  let times = 0;
  const onSignal = () => {
    times += 1;
    if (times > 1) process.exit(EXIT_INTERRUPTED);
    interrupted();
  };
  held += 1;
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    return await work();
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    held -= 1;
  }
}

/** Resolves with the first Ctrl-C; a second one ends the program at once. */
export async function untilInterrupted(): Promise<void> {
  await new Promise<void>((resolve) => {
    held += 1;
    for (const signal of SIGNALS) process.once(signal, () => resolve());
  });
}

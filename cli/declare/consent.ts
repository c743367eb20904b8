import { createInterface } from 'node:readline/promises';

export type Consent = 'given' | 'withheld' | 'interrupted';

/** Asks a person. Whoever ends the input, as Ctrl-D does, has not consented. */
export async function askForConsent(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Promise<Consent> {
  const terminal = createInterface({ input, output });
  const left = new Promise<Consent>((resolve) => {
    terminal.once('SIGINT', () => resolve('interrupted'));
    terminal.once('close', () => resolve('withheld'));
  });
  const answered = terminal
    .question('\nApply this? Only "yes" is taken for consent: ')
    .then((answer): Consent => (answer.trim() === 'yes' ? 'given' : 'withheld'));
  try {
    return await Promise.race([answered, left]);
  } finally {
    terminal.close();
  }
}

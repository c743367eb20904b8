import { createInterface } from 'node:readline/promises';
import type { FirstPolicy } from './template.ts';

export type Answers = { readonly kind: 'answered'; readonly policy: FirstPolicy } | { readonly kind: 'interrupted' };

const QUESTIONS: readonly { readonly of: keyof FirstPolicy; readonly text: string }[] = [
  { of: 'tenantTag', text: 'Which tag of a profile says whose money it is?' },
  { of: 'limit', text: 'What may each tenant spend in a month?' },
  { of: 'regions', text: 'In which Regions are your profiles? Several with a comma between them.' },
  { of: 'timeZone', text: 'In which time zone does a month turn?' },
];

/**
 * Asks a person for the parts of a first policy. An empty answer takes what is in brackets; one that cannot be used is
 * asked for again.
 *
 * @param problemOf what is wrong with the policy as it would be
 */
export async function ask(
  proposed: FirstPolicy,
  problemOf: (policy: FirstPolicy) => string | undefined,
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
): Promise<Answers> {
  const terminal = createInterface({ input, output });
  const left = new Promise<undefined>((resolve) => {
    terminal.once('SIGINT', () => resolve(undefined));
    terminal.once('close', () => resolve(undefined));
  });
  let policy = proposed;
  try {
    for (const { of, text } of QUESTIONS)
      for (;;) {
        const offered = [policy[of]].flat().join(', ');
        const answer = await Promise.race([terminal.question(`${text} [${offered}] `), left]);
        if (answer === undefined) return { kind: 'interrupted' };
        const typed = answer.trim();
        if (typed === '') break;
        const next = { ...policy, [of]: of === 'regions' ? listIn(typed) : typed };
        const problem = problemOf(next);
        if (problem === undefined) {
          policy = next;
          break;
        }
        output.write(`  ${problem}\n`);
      }
    return { kind: 'answered', policy };
  } finally {
    terminal.close();
  }
}

export const listIn = (text: string): readonly string[] =>
  text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));

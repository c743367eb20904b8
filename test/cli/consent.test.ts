import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { askForConsent } from '../../cli/declare/consent.ts';

it.each([
  ['yes\n', 'given'],
  [' yes \n', 'given'],
  ['y\n', 'withheld'],
  ['Yes\n', 'withheld'],
  ['no\n', 'withheld'],
  ['\n', 'withheld'],
  ['', 'withheld'],
])('whoever answers %j has consent %s', async (answer, consent) => {
  const input = new PassThrough();
  const output = new PassThrough();
  const asked = askForConsent(input, output);
  input.end(answer);
  expect(await asked).toBe(consent);
  output.end();
  expect(await text(output)).toContain('Apply this? Only "yes" is taken for consent: ');
});

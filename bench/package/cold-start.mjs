/**
 * A fresh process that loads one bundle and invokes its handler once, as Lambda does: from the import to the first request to
 * AWS. Plain JavaScript, so that nothing is compiled that is not measured.
 *
 * `node cold-start.mjs <bundle> <event> <context>` prints what it took until the first request was ready to be sent, and until its answer
 * began: wall time, and CPU time of all threads.
 */
import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';

const [, , bundle = '', event = '{}', context = '{}'] = process.argv;
const parsed = JSON.parse(event);
const given = { ...JSON.parse(context), getRemainingTimeInMillis: () => 60_000 };

let asked;
const since = (cpu, wall) => {
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs: performance.now() - wall, cpuMs: (user + system) / 1_000 };
};
const cpu = process.cpuUsage();
const wall = performance.now();
subscribe('http.client.request.start', () => {
  asked ??= since(cpu, wall);
});
subscribe('http.client.response.finish', () => {
  const answered = since(cpu, wall);
  writeSync(1, `\ntimes ${JSON.stringify({ asked, answered })}\n`);
  process.exit(0);
});
const { handler } = await import(bundle);
await handler(parsed, given);
writeSync(2, 'the handler has come to its end without asking AWS anything');
process.exit(1);

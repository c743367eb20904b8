import { SeedRun } from './seed.ts';

const [seed = '1', count = '1', width = '16'] = process.argv.slice(2);
Error.stackTraceLimit = 0;
void (async () => {
  let next = Number(seed);
  const last = next + Number(count);
  const active: SeedRun[] = [];
  const begun = process.cpuUsage();
  let v = 0;
  let admitted = 0;
  let events = 0;
  while (next < last || active.length > 0) {
    while (active.length < Number(width) && next < last) active.push(new SeedRun(next++, new Set(), false));
    for (let at = active.length - 1; at >= 0; at--) {
      const run = active[at];
      if (run === undefined || !run.step()) continue;
      active.splice(at, 1);
      const { trace, ...outcome } = run.outcome();
      admitted += outcome.admitted;
      events += outcome.events;
      for (const { invariant, what } of outcome.violations.slice(0, 3)) {
        v++;
        console.log(outcome.seed, invariant, what);
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { user, system } = process.cpuUsage(begun);
  console.log('cpu ms per seed', (user + system) / 1000 / Number(count), 'violations', v, 'admitted', admitted / Number(count), 'events', events / Number(count));
})();

import type { Command } from 'commander';
import { annotate, does, withJson, withTable } from '../command-line.ts';

export const status = (program: Command): Command =>
  annotate(
    does(
      withJson(withTable(program.command('status [tenant]')))
        .summary('how budgets stand, what is spent and left, and why')
        .description(
          'Shows how budgets stand in their present periods: standing, spent, committed, left, the forecast, and why. Of one tenant also its profiles and what operators have said. Changes nothing.',
        ),
      async (options: import('./run.ts').StatusOptions, tenant) =>
        await (await import('./run.ts')).runStatus(options, tenant),
    ),
    {
      examples: [
        ['status', 'all budgets, those first of which most is spent'],
        ['status acme', 'one tenant in full'],
        ['status acme --json', 'the same for programs'],
      ],
      json: 'One document: `{"type":"status","at","table","budgets":[…],"unreadable":[…]}`, with a tenant also `"tenant"`, `"profiles"` and `"overrides"`. A budget: `budget`, `tenant?`, `period`, `startsAt`, `endsAt`, `mode` (`enforce`, `shadow`), `limitUsd`, and `figures`, which is `null` where the ledger has no item yet: `standing`, `until`, `reason?` (`from`, `text`, `who?`, `when?`), `spentUsd`, `settledUsd`, `unconfirmedUsd`, `unattributedUsd`, `leasedUsd`, `committedUsd`, `ceilingUsd`, `raisedUsd`, `leftUsd`, `percent`, `forecast` (`kind`, and where it is `foreseen`: `perHourUsd`, `expectedAt`, `earliestAt`, `latestAt?`, `atEndUsd`).',
    },
  );

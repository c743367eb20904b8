import type { Command } from 'commander';
import { annotate, does, withJson, withTable } from '../command-line.ts';

export const tenants = (program: Command): Command =>
  annotate(
    does(
      withJson(withTable(program.command('tenants')))
        .summary('the tenants, and how their own budgets stand')
        .description(
          'Lists the tenants that have a profile: how many profiles, the strictest standing of their own budgets, and the budget of which most is spent. Changes nothing.',
        ),
      async (options: import('./run.ts').TenantsOptions) => await (await import('./run.ts')).runTenants(options),
    ),
    {
      examples: [
        ['tenants', 'all tenants by name'],
        ['tenants --json', 'for programs'],
      ],
      json: 'One document: `{"type":"tenants","at","table","tenants":[…],"unreadable":[…]}`. A tenant: `tenant`, `standing`, `profiles`, `closedProfiles`, `budgets` (each as in `status`).',
    },
  );

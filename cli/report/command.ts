import { type Command, Option } from 'commander';
import { FOCUS_COLUMNS, FOCUS_VERSION } from '../../domain/reporting/focus.ts';
import { REPORT_PERIODS } from '../../domain/reporting/spend-report.ts';
import { annotate, does, READS_TABLE, severalTimes, withJson, withTable } from '../command-line.ts';

export const report = (program: Command): Command =>
  annotate(
    does(
      withJson(withTable(program.command('report')), 'the same as --format json')
        .summary('what was spent, by tags and periods, beside what AWS bills')
        .description(
          'Tells what was spent by the values of tags: what the helper has recorded, what AWS bills (Cost Explorer), and how far they differ. Days are UTC, as AWS bills them; amounts are exact. Each question to Cost Explorer costs a US cent for every page. `--format focus` writes columns of FOCUS 1.2 for chargeback, from the records alone.',
        )
        .option(
          '--by <keys>',
          'tag whose values get a row each; several with commas, or given several times (default: the tenant tag)',
          severalTimes,
        )
        .addOption(new Option('--per <period>', 'one row for each').choices(REPORT_PERIODS).default('month'))
        .option('--from <day>', 'the first day, such as 2026-11-01 (default: the first of the month of the last day)')
        .option('--until <day>', 'the last day (default: today)')
        .option('--tenant <value>', 'one tenant alone')
        .option('--tag <key=value>', 'only what carries this tag; may be given several times', severalTimes)
        .option('--no-bill', 'do not ask Cost Explorer')
        .addOption(
          new Option('--format <format>', 'how it is written')
            .choices(['table', 'csv', 'json', 'markdown', 'focus'])
            .default('table'),
        ),
      async (options: import('./run.ts').ReportOptions) => await (await import('./run.ts')).runReport(options),
    ),
    {
      needs: [...READS_TABLE, 'ce:GetCostAndUsage'],
      examples: [
        ['report', 'this month by tenant'],
        ['report --by tenant,environment', 'a row for each tenant and environment'],
        ['report --by app --per week --from 2026-10-01 --format csv', 'for a spreadsheet'],
        ['report --from 2026-10-01 --until 2026-10-31 --format focus > october.csv', 'for chargeback'],
      ],
      more: `What a row has: \`recorded\` is what the calls cost that helpers have settled, and \`unconfirmed\` what calls may have cost whose fate is unknown; \`billed\` is AWS's unblended cost of usage, of \`billed days\` alone, which are over for a day and known to Cost Explorer; \`drift\` is what AWS bills beyond what is recorded of these days, zero within what is unconfirmed. FOCUS columns are those of version ${FOCUS_VERSION} that the governor knows, one row for each profile and day, and are no complete FOCUS dataset: ${FOCUS_COLUMNS.map((column) => `\`${column}\``).join(', ')}. \`BilledCost\` and \`EffectiveCost\` there are what was recorded, as \`x_CostSource\` says; the invoice is AWS's.`,
      json: 'One document: `{"type":"report","at","table","by","per","from","until","rows":[…],"total","unknownProfiles":[…],"noBill"}`. A row: `period`, `from`, `until`, `tags` (values or `null`), `calls`, `inputTokens`, `outputTokens`, `cacheReadInputTokens`, `cacheWrite5mInputTokens`, `cacheWrite1hInputTokens`, `recordedUsd`, `unconfirmedUsd`, `bill`, which is `null` or `billedUsd`, `days`, `driftUsd`, `driftPercent`. `noBill` says why there is no bill, or is `null`. `total` has the figures of a row.',
    },
  );

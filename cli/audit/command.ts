import { type Command, InvalidArgumentError } from 'commander';
import { DECISION_NAMES, type DecisionName } from '../../domain/journal.ts';
import { nearest } from '../../domain/nearest.ts';
import { annotate, does, READS_TABLE, withJson, withTable } from '../command-line.ts';
import type { AuditOptions } from './run.ts';

/** In any case of letters. */
function kind(typed: string): DecisionName {
  const found = DECISION_NAMES.find((name) => name.toLowerCase() === typed.toLowerCase());
  if (found !== undefined) return found;
  const near = nearest(typed, DECISION_NAMES);
  throw new InvalidArgumentError(
    `no decision has this name${near.length === 0 ? '' : `; near: ${near.map((name) => `"${name}"`).join(', ')}`}. All of them: docs/observability.md`,
  );
}

export const audit = (program: Command): Command =>
  annotate(
    does(
      withJson(withTable(program.command('audit')))
        .summary('who or what decided something, when, and on which evidence')
        .description(
          'Reads the audit trail: each decision and each write to AWS, with who made it, on which evidence, and what was before and after. Of the last day, if nothing else is asked for.',
        )
        .option('--tenant <value>', 'what was about one tenant')
        .option('--budget <id>', 'what was about one budget')
        .option(
          '--kind <name>',
          'decisions of this name, such as "close budget"; docs/observability.md lists them',
          kind,
        )
        .option('--from <time>', 'from a day or time on, such as 2026-11-01 or 2026-11-01T08:00:00Z')
        .option('--until <time>', 'until a time, or the end of a day (default: now)')
        .option('--last <duration>', 'so long until then, such as 2h or 7d (default: 24h)'),
      async (options: AuditOptions) => await (await import('./run.ts')).runAudit(options),
    ),
    {
      needs: READS_TABLE,
      examples: [
        ['audit --tenant acme --last 7d', 'what has happened to a tenant'],
        ['audit --kind "close budget" --from 2026-11-01', 'who was closed, and why'],
        ['audit --json | jq .facts', 'for programs'],
      ],
      json: 'Lines, in order of time: `{"type":"decision","id","at","actor","invocation","tenant?","decision","facts"}`, and `{"type":"unreadable","id"}` for what another version wrote.',
    },
  );

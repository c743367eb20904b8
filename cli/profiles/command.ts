import { type Command, Option } from 'commander';
import { annotate, does, severalTimes, withJson, withTable } from '../command-line.ts';

export const profiles = (program: Command): Command =>
  annotate(
    does(
      withJson(withTable(program.command('profiles')))
        .summary('the application inference profiles that are governed')
        .description(
          'Lists the profiles of the index: model, Region, tags and standing, and why one is not open. Changes nothing.',
        )
        .option('--tenant <value>', 'those of one tenant')
        .option('--tag <key=value>', 'those with this tag; may be given several times', severalTimes)
        .addOption(
          new Option('--standing <standing>', 'those that stand so').choices([
            'open',
            'throttled',
            'closed',
            'quarantined',
          ]),
        )
        .option('--ended', 'also those that were deleted'),
      async (options: import('./run.ts').ProfilesOptions) => await (await import('./run.ts')).runProfiles(options),
    ),
    {
      examples: [
        ['profiles --tenant acme', 'the profiles of one tenant'],
        ['profiles --standing quarantined', 'whose tags are to be mended'],
        ['profiles --tag app=chat --json', 'for programs'],
      ],
      json: 'One document: `{"type":"profiles","at","table","profiles":[…],"unreadable":[…]}`. A profile: `arn`, `name`, `region`, `model`, `source` (`in-region`, `geo`, `global`), `tags`, `compliance` (or `null`), `standing` (`open`, `throttled`, `closed`), `reasons` (texts), `budgets` (ids), `isPriced`, `verifiedAt`, `endedAt?`.',
    },
  );

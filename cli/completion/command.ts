import { Argument, type Command } from 'commander';
import { annotate, does } from '../command-line.ts';
import { printAsIs } from '../output/print.ts';
import { SHELLS, scriptFor } from './scripts.ts';

export const completion = (program: Command): Command =>
  annotate(
    does(
      program
        .command('completion')
        .addArgument(new Argument('<shell>', 'whose script').choices(Object.keys(SHELLS)))
        .summary('completion for bash, zsh and fish')
        .description(
          'Prints a script that completes the commands, options and choices of `governor` in a shell. In the repository `npm link` puts `governor` into the path.',
        ),
      async (_options: object, shell) => {
        printAsIs(scriptFor(shell ?? '', program));
        return 0;
      },
    ),
    {
      examples: [
        ['completion bash >> ~/.bashrc', 'bash'],
        ['completion zsh > ~/.zfunc/_governor', 'zsh'],
        ['completion fish > ~/.config/fish/completions/governor.fish', 'fish'],
      ],
    },
  );

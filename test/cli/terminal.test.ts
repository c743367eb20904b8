import { Command } from 'commander';
import { describe, expect, it, vi } from 'vitest';
import { does, withTable } from '../../cli/command-line.ts';
import { connect, type StackOptions, stageIn, tableOf } from '../../cli/connection.ts';
import { csv, markdown } from '../../cli/output/delimited.ts';
import { folded, terminalWidth, unbroken } from '../../cli/output/fold.ts';
import { progress } from '../../cli/output/progress.ts';
import { styleOf } from '../../cli/output/style.ts';
import { tableOf as table } from '../../cli/output/table.ts';
import { UserError } from '../../cli/user-error.ts';

const stream = (isTTY: boolean) => {
  const written: string[] = [];
  const write = (text: string) => written.push(text) > 0;
  return { written, stream: { isTTY, columns: 20, write } as unknown as NodeJS.WriteStream };
};

describe('what a terminal is shown', () => {
  it('has colours in a terminal alone, and not where NO_COLOR says so', () => {
    expect(styleOf({ isTTY: true }, {}).isColorSupported).toBe(true);
    expect(styleOf({ isTTY: false }, {}).isColorSupported).toBe(false);
    expect(styleOf({ isTTY: true }, { NO_COLOR: '1' }).isColorSupported).toBe(false);
    // The convention: present and not empty.
    expect(styleOf({ isTTY: true }, { NO_COLOR: '' }).isColorSupported).toBe(true);
    expect(styleOf({ isTTY: true }, { TERM: 'dumb' }).isColorSupported).toBe(false);
    expect(styleOf({ isTTY: false }, { FORCE_COLOR: '1' }).isColorSupported).toBe(true);
    expect(styleOf({ isTTY: true }, { FORCE_COLOR: '0' }).isColorSupported).toBe(false);
    expect(styleOf({ isTTY: true }, { FORCE_COLOR: '1', NO_COLOR: '1' }).isColorSupported).toBe(false);
  });

  it('breaks long lines between words, under the text that they belong to, and keeps commands and ARNs whole', () => {
    const red = styleOf({ isTTY: true }, {}).red;
    expect(folded('a long line of many words', 12)).toBe('a long line\nof many\nwords');
    expect(folded(`  why     ${red('an invoice')} is disputed`, 24)).toBe(
      `  why     ${red('an invoice')} is\n          disputed`,
    );
    expect(folded('  → deploy the stack', 12)).toBe('  → deploy\n    the\n    stack');
    expect(folded('see arn:aws:bedrock:us-east-1 there', 12)).toBe('see\narn:aws:bedrock:us-east-1\nthere');
    expect(folded(`  → ${unbroken('aws sns subscribe')}, then wait`, 12)).toBe(
      '  → aws sns subscribe,\n    then\n    wait',
    );
    expect(folded('fits\nthis too', 12)).toBe('fits\nthis too');
    expect(folded('as long as it is, in a pipe', undefined)).toBe('as long as it is, in a pipe');
  });

  it('has progress in a terminal alone, within its width, and taken away at the end', () => {
    const terminal = stream(true);
    const bar = progress({}, terminal.stream);
    bar.at('reading the third of a great many budgets');
    bar.done();
    expect(terminal.written).toEqual(['\r\u001b[Kreading the third o', '\r\u001b[K']);
    for (const silent of [
      { of: stream(false), options: {} },
      { of: stream(true), options: { json: true } },
    ]) {
      const none = progress(silent.options, silent.of.stream);
      none.at('x');
      none.done();
      expect(silent.of.written).toEqual([]);
    }
  });

  it('has columns as wide as their widest cell, colours not counted, and none that is empty', () => {
    const style = styleOf({ isTTY: true }, {});
    const text = table(
      [
        { title: 'a', of: ([a = '']: string[]) => style.red(a) },
        { title: 'none', of: () => '' },
        { title: 'b', right: true, of: ([, b = '']: string[]) => b },
      ],
      [
        ['long one', '1'],
        ['x', '1\n000'],
      ],
      styleOf({ isTTY: false }, {}),
    );
    expect(text).toBe(`a             b\n${style.red('long one')}      1\n${style.red('x')}         1 000`);
  });

  it('has rows within a narrow terminal, with what does not fit beneath them, and one line each where nobody looks', () => {
    const plain = styleOf({ isTTY: false }, {});
    const columns = ['budget', 'left', 'forecast', 'why'].map((title, at) => ({
      title,
      of: (row: readonly string[]) => row[at] ?? '',
    }));
    const rows = [
      ['acme', '5.00', 'used up at noon', 'a runaway agent was found'],
      ['globex', '1.00', '', ''],
    ];
    expect(table(columns, rows, plain, 20)).toBe(
      [
        'budget  left',
        'acme    5.00',
        '    forecast: used',
        '    up at noon',
        '    why: a runaway',
        '    agent was found',
        'globex  1.00',
      ].join('\n'),
    );
    expect(table(columns, rows, plain, 200)).toBe(table(columns, rows, plain, undefined));
    expect(table(columns, rows, plain, undefined).split('\n')).toHaveLength(3);
    expect(terminalWidth({ isTTY: true, columns: 80 })).toBe(80);
    expect(terminalWidth({ isTTY: true, columns: 0 })).toBeUndefined();
    expect(terminalWidth({ columns: 80 })).toBeUndefined();
  });

  it('has separated values that are read as they were written', () => {
    expect(csv([['a', 'b,c', 'say "hi"', 'two\nlines', '']])).toBe('a,"b,c","say ""hi""","two\nlines",');
    expect(markdown([{ title: 'a' }, { title: 'b', right: true }], [['x|y', '1']])).toBe(
      '| a | b |\n| --- | ---: |\n| x\\|y | 1 |',
    );
  });
});

describe('which AWS a command talks to', () => {
  it('is told by options before the environment, in the order of the AWS CLI', () => {
    const environment: NodeJS.ProcessEnv = {
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
      AWS_SESSION_TOKEN: 'c',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL: 'http://x',
      AWS_ENDPOINT_URL_DYNAMODB: 'http://y',
      AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true',
    };
    connect({ profile: 'prod', region: 'eu-west-1', endpointUrl: 'http://z' }, environment);
    expect(environment).toEqual({ AWS_PROFILE: 'prod', AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL: 'http://z' });
  });

  it('is told by AWS_DEFAULT_REGION where there is no AWS_REGION, and is left alone without options', () => {
    const environment: NodeJS.ProcessEnv = { AWS_DEFAULT_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'a' };
    connect({}, environment);
    expect(environment).toEqual({ AWS_DEFAULT_REGION: 'eu-west-1', AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'a' });
  });

  it('tells everything that is wrong at once', () => {
    const wrong = () => connect({ profile: '', region: 'x', endpointUrl: 'ftp://x' }, {});
    expect(wrong).toThrow(UserError);
    expect(wrong).toThrow(/--profile.*\n--region.*\n--endpoint-url/);
  });

  it('is told the table, or the stage that names it', () => {
    expect(tableOf({ stage: 'prod' })).toBe('bedrock-cost-governor-prod');
    expect(tableOf({ table: 'mine', stage: 'prod' })).toBe('mine');
    expect(() => tableOf({})).toThrow(/^expected --table/);
    expect(() => tableOf({ table: 'a b' })).toThrow(/--table/);
    expect(stageIn({ table: 'bedrock-cost-governor-prod' })).toBe('prod');
    expect(() => stageIn({ table: 'mine' })).toThrow(/^expected --stage <stage>, with --table mine beside it: /);
    expect(() => stageIn({ stage: 'a/b' })).toThrow(/^--stage/);
  });

  it('goes by the stage that is typed, also where the environment names the table of another', async () => {
    const typed = async (...args: readonly string[]) => {
      const chosen: string[] = [];
      const command = does<StackOptions>(withTable(new Command('any')), async (options) => {
        chosen.push(tableOf(options));
        return 0;
      });
      await command.parseAsync(args, { from: 'user' });
      return chosen;
    };
    vi.stubEnv('GOVERNOR_TABLE', 'bedrock-cost-governor-dev');
    expect(await typed('--stage', 'prod')).toEqual(['bedrock-cost-governor-prod']);
    expect(await typed('--stage', 'prod', '--table', 'mine')).toEqual(['mine']);
    expect(await typed()).toEqual(['bedrock-cost-governor-dev']);
    vi.stubEnv('GOVERNOR_STAGE', 'prod');
    expect(await typed()).toEqual(['bedrock-cost-governor-dev']);
    vi.unstubAllEnvs();
  });
});

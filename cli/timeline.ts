import pc from 'picocolors';

/** Who did what a line of the timeline tells. */
export type Actor = 'story' | 'you' | 'governor' | 'notice' | 'tenant' | 'aws';

export interface TimelineEntry {
  /** Virtual time, milliseconds since the epoch. */
  readonly at: number;
  readonly actor: Actor;
  readonly what: string;
  readonly why?: string;
}

export interface Row {
  readonly profile: string;
  readonly tags: string;
  readonly standing: string;
  readonly budget: string;
  readonly spent: string;
  readonly left: string;
}

/** Where the main job tells what happens: to people, or to programs. */
export interface Teller {
  chapter(title: string): void;
  tell(entry: TimelineEntry): void;
  table(rows: readonly Row[]): void;
  say(text: string): void;
  /** For programs: where the endpoint is, and what any AWS client needs in its environment. */
  endpoint(url: string, environment: Readonly<Record<string, string>>): void;
}

/** One JSON object on each line, with the same content as the text. */
export const jsonTeller = (write: (line: string) => void): Teller => {
  const line = (value: object) => write(`${JSON.stringify(value)}\n`);
  return {
    chapter: (title) => line({ type: 'chapter', title }),
    tell: ({ at, ...entry }) => line({ type: 'event', at: new Date(at).toISOString(), ...entry }),
    table: (rows) => {
      for (const row of rows) line({ type: 'profile', ...row });
    },
    say: (text) => line({ type: 'message', text }),
    endpoint: (url, environment) => line({ type: 'endpoint', url, environment }),
  };
};

export function textTeller(
  write: (text: string) => void,
  options: { readonly colours: boolean; readonly columns: number },
): Teller {
  const colour = pc.createColors(options.colours);
  const paint: Record<Actor, (text: string) => string> = {
    story: colour.bold,
    you: colour.cyan,
    governor: colour.green,
    notice: colour.yellow,
    tenant: colour.blue,
    aws: colour.magenta,
  };
  const indent = ' '.repeat(MARGIN);
  return {
    chapter: (title) => write(`\n${colour.bold(title)}\n`),
    tell({ at, actor, what, why }) {
      const time = new Date(at).toISOString().slice(5, 16).replace('T', ' ');
      const [first = '', ...rest] = wrap(what, options.columns - MARGIN);
      write(`  ${colour.dim(time)}  ${paint[actor](actor.padEnd(8))}  ${first}\n`);
      for (const more of rest) write(`${indent}${more}\n`);
      if (why !== undefined)
        for (const more of wrap(`because ${why}`, options.columns - MARGIN)) write(`${indent}${colour.dim(more)}\n`);
    },
    table: (rows) => write(`\n${formatTable(rows, colour.bold)}\n`),
    say: (text) => write(`${text}\n`),
    // People are told in words.
    endpoint: () => {},
  };
}

const MARGIN = 25;

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

const COLUMNS: readonly { readonly key: keyof Row; readonly title: string; readonly right?: boolean }[] = [
  { key: 'profile', title: 'profile' },
  { key: 'standing', title: 'standing' },
  { key: 'budget', title: 'budget' },
  { key: 'spent', title: 'spent USD', right: true },
  { key: 'left', title: 'left USD', right: true },
];

function formatTable(rows: readonly Row[], bold: (text: string) => string): string {
  const widths = COLUMNS.map(({ key, title }) => Math.max(title.length, ...rows.map((row) => row[key].length)));
  const line = (cells: readonly string[]) =>
    `  ${cells
      .map((cell, index) =>
        COLUMNS[index]?.right ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0),
      )
      .join('  ')
      .trimEnd()}`;
  return [
    bold(line(COLUMNS.map(({ title }) => title))),
    // Tags are as long as all the rest: they get a line of their own.
    ...rows.flatMap((row) => [
      line(COLUMNS.map(({ key }) => row[key])),
      ...(row.tags === '' ? [] : [`    ${row.tags}`]),
    ]),
  ].join('\n');
}

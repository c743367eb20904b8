import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A fenced block of a document. */
export interface Fence {
  /** Relative to the root. */
  readonly file: string;
  /** Of its opening line, from 1. */
  readonly line: number;
  /** `sh`, `ts`, `yaml`, `json`, `text`, `mermaid`, or none. */
  readonly language: string;
  /** What follows the language: the name of a file that readers are told to save. */
  readonly name: string;
  /** Without the indentation of its opening line. */
  readonly text: string;
  /** The nearest heading above it. */
  readonly heading: string;
}

/** Documents for people: the README, CONTRIBUTING and everything in `docs/` but the generated reference of the API. */
export async function documents(): Promise<readonly string[]> {
  const found = await readdir(`${ROOT}/docs`, { recursive: true });
  const inDocs = found.filter((name) => name.endsWith('.md') && !name.startsWith('api/'));
  return ['README.md', 'CONTRIBUTING.md', ...inDocs.map((name) => `docs/${name}`)].sort();
}

export async function fencesOf(file: string): Promise<readonly Fence[]> {
  return fencesIn(file, await readFile(`${ROOT}/${file}`, 'utf8'));
}

export function fencesIn(file: string, document: string): readonly Fence[] {
  const fences: Fence[] = [];
  let heading = '';
  let open: { indent: string; line: number; language: string; name: string; lines: string[] } | undefined;
  for (const [index, line] of document.split('\n').entries()) {
    const mark = /^(?<indent> *)```(?<language>\S*) *(?<name>.*)$/.exec(line)?.groups;
    if (open === undefined) {
      if (/^#+ /.test(line)) heading = line.replace(/^#+ /, '');
      if (mark !== undefined)
        open = {
          indent: mark['indent'] ?? '',
          language: mark['language'] ?? '',
          name: mark['name'] ?? '',
          line: index + 1,
          lines: [],
        };
    } else if (mark === undefined)
      open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line);
    else {
      const { lines, line: opened, language, name } = open;
      fences.push({ file, line: opened, language, name, text: `${lines.join('\n')}\n`, heading });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`${file}:${open.line}: the block is never closed`);
  return fences;
}

export const placeOf = ({ file, line }: Fence): string => `${file}:${line}`;

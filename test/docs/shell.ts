/** A command of a shell script: its words, without quotes, assignments before it and redirections. */
export type Words = readonly string[];

const KEYWORDS = new Set(['do', 'done', 'while', 'until', 'if', 'then', 'else', 'fi', '{', '}', '!']);

/**
 * The commands of a script, those inside of `$(…)` too: enough of a shell to read the blocks of the documents. Variables
 * stay as they are written, and `$(…)` stands for what a command prints.
 */
export function commandsOf(script: string): readonly Words[] {
  const commands: string[][] = [];
  const text = withoutHereDocuments(script.replace(/\\\n\s*/g, ' '));
  let words: string[] = [];
  let word: string | undefined;
  const endWord = () => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  const endCommand = () => {
    endWord();
    const command = withoutPrefix(words);
    if (command.length > 0) commands.push(command);
    words = [];
  };
  /** Reads `$(…)` at an index, and returns the index behind it. */
  const substitution = (at: number): number => {
    const end = closing(text, at + 1);
    commands.push(...commandsOf(text.slice(at + 2, end)).map((inner) => [...inner]));
    word = `${word ?? ''}$(…)`;
    return end + 1;
  };
  for (let at = 0; at < text.length; ) {
    const character = text.charAt(at);
    if (character === '#' && word === undefined) at = endOfLine(text, at);
    else if (character === "'") {
      const end = text.indexOf("'", at + 1);
      word = (word ?? '') + text.slice(at + 1, end);
      at = end + 1;
    } else if (character === '"') {
      word ??= '';
      for (at += 1; text.charAt(at) !== '"'; ) {
        if (text.startsWith('$(', at)) at = substitution(at);
        else {
          if (text.charAt(at) === '\\') at += 1;
          word += text.charAt(at);
          at += 1;
        }
      }
      at += 1;
    } else if (text.startsWith('$(', at)) at = substitution(at);
    else if (text.startsWith('()', at)) {
      // The name of a function that is defined: no command.
      words = [];
      word = undefined;
      at += 2;
    } else if (/[\n;|&]/.test(character)) {
      endCommand();
      at += 1;
    } else if (/\s/.test(character)) {
      endWord();
      at += 1;
    } else {
      word = (word ?? '') + character;
      at += 1;
    }
  }
  endCommand();
  return commands;
}

const endOfLine = (text: string, from: number): number => {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
};

/** The index of the parenthesis that closes the one at an index. */
function closing(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text.charAt(at) === "'") at = text.indexOf("'", at + 1);
    else if (text.charAt(at) === '(') depth += 1;
    else if (text.charAt(at) === ')') depth -= 1;
    if (depth === 0) return at;
  }
  throw new Error(`a parenthesis is never closed: ${text}`);
}

const withoutHereDocuments = (text: string): string => text.replace(/<<'(\w+)'\n[\s\S]*?\n\1(?=\n|$)/g, '');

const isRedirection = (word: string | undefined): boolean => word !== undefined && /^(>{1,2}|<)$/.test(word);

function withoutPrefix(words: readonly string[]): string[] {
  let from = 0;
  while (from < words.length && (KEYWORDS.has(words[from] ?? '') || /^[A-Za-z_]\w*=/.test(words[from] ?? '')))
    from += 1;
  // `for name in …` is no command.
  return words[from] === 'for'
    ? []
    : words.slice(from).filter((word, at, all) => !isRedirection(word) && !isRedirection(all[at - 1]));
}

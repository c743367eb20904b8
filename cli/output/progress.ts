/** Says on stderr how far long work is. Silent where nobody looks: in pipes, and with `--json`. */
export interface Progress {
  at(text: string): void;
  /** Takes the line away again. */
  done(): void;
}

const CLEAR = '\r\u001b[K';
/** A terminal is written so often at most. */
const EVERY_MS = 100;

export function progress(options: { readonly json?: boolean }, stream: NodeJS.WriteStream = process.stderr): Progress {
  if (stream.isTTY !== true || options.json === true) return { at: () => {}, done: () => {} };
  let last = Number.NEGATIVE_INFINITY;
  let isShown = false;
  return {
    at(text) {
      const now = performance.now();
      if (now - last < EVERY_MS) return;
      last = now;
      isShown = true;
      stream.write(`${CLEAR}${text.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
    },
    done() {
      if (isShown) stream.write(CLEAR);
      isShown = false;
    },
  };
}

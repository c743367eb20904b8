/** What happened in a seed, in order, for whoever asks: nothing is put together while nobody does. */
export class Trace {
  readonly lines: string[] | undefined;
  readonly #now: () => number;

  constructor(isKept: boolean, now: () => number) {
    this.lines = isKept ? [] : undefined;
    this.#now = now;
  }

  say(line: () => string): void {
    this.lines?.push(`${new Date(this.#now()).toISOString()} ${line()}`);
  }
}

import { describe, expect, it } from 'vitest';
import { MeteredStreams } from '../../invoke/metered-stream.ts';
import { TestTimer } from './test-timer.ts';

const turns = async (count = 20): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
};

/** A source that gives its events when it is told to, and remembers whether it was let go. */
class Source {
  readonly #waiting: ((result: IteratorResult<number>) => void)[] = [];
  readonly #failing: ((error: Error) => void)[] = [];
  readonly #isBusyWhileAsked: boolean;
  asked = 0;
  letGo = false;

  /** @param isBusyWhileAsked whether it can be let go only when it has answered, as is so for a generator */
  constructor(isBusyWhileAsked: boolean) {
    this.#isBusyWhileAsked = isBusyWhileAsked;
  }

  [Symbol.asyncIterator](): AsyncIterator<number> {
    return {
      next: () => {
        this.asked++;
        return new Promise((resolve, reject) => {
          this.#waiting.push(resolve);
          this.#failing.push(reject);
        });
      },
      return: async () => {
        this.letGo = true;
        if (this.#isBusyWhileAsked) await new Promise(() => {});
        return { done: true, value: undefined };
      },
    };
  }

  give(value: number): void {
    this.#failing.shift();
    this.#waiting.shift()?.({ done: false, value });
  }

  end(): void {
    this.#failing.shift();
    this.#waiting.shift()?.({ done: true, value: undefined });
  }

  fail(error: Error): void {
    this.#waiting.shift();
    this.#failing.shift()?.(error);
  }
}

function metered({ isBusyWhileAsked = false } = {}) {
  const timer = new TestTimer();
  const streams = new MeteredStreams({ clock: timer, timer });
  const source = new Source(isBusyWhileAsked);
  const seen: number[] = [];
  let ended = 0;
  let disconnected = 0;
  const disconnect = () => disconnected++;
  const passing = streams.meter(source, { saw: (event) => seen.push(event), ended: () => ended++, disconnect });
  const iterator = passing[Symbol.asyncIterator]();
  return { timer, streams, source, seen, passing, iterator, ends: () => ended, disconnects: () => disconnected };
}

describe('a metered stream', () => {
  it('passes each event on as soon as it comes, the same object, and ends once', async () => {
    const { source, seen, iterator, ends, streams } = metered();
    const first = iterator.next();
    expect(source.asked).toBe(1);
    source.give(1);
    expect(await first).toEqual({ done: false, value: 1 });
    expect(seen).toEqual([1]);
    expect(streams.size).toBe(1);
    const last = iterator.next();
    source.end();
    expect(await last).toEqual({ done: true, value: undefined });
    expect([ends(), streams.size]).toEqual([1, 0]);
  });

  it('asks its source for nothing that its caller has not asked for', async () => {
    const { source, iterator } = metered();
    void iterator.next();
    source.give(1);
    await turns();
    expect(source.asked).toBe(1);
  });

  it('throws what its source throws, and has ended then', async () => {
    const { source, iterator, ends } = metered();
    const next = iterator.next();
    const failure = new Error('ModelStreamErrorException');
    source.fail(failure);
    await expect(next).rejects.toBe(failure);
    expect(ends()).toBe(1);
  });

  it('that its caller drops is read to its end in the background (F3)', async () => {
    const { source, seen, iterator, ends, streams } = metered();
    const next = iterator.next();
    source.give(1);
    await next;
    await iterator.return?.();
    await turns();
    source.give(2);
    await turns();
    source.give(3);
    await turns();
    expect(ends()).toBe(0);
    source.end();
    await streams.settled();
    expect(seen).toEqual([1, 2, 3]);
    expect([ends(), source.letGo]).toEqual([1, false]);
  });

  it('that its caller drops is let go when it takes longer than the cap', async () => {
    const { timer, source, iterator, ends, streams } = metered();
    await iterator.return?.();
    await turns();
    timer.advance(9_999);
    await turns();
    expect(ends()).toBe(0);
    timer.advance(1);
    await streams.settled();
    expect([ends(), source.letGo]).toEqual([1, true]);
  });

  it('that its caller drops is let go also where its source is busy until its next event, as a generator is (F3)', async () => {
    const { timer, source, iterator, ends, disconnects, streams } = metered({ isBusyWhileAsked: true });
    await iterator.return?.();
    await turns();
    timer.advance(10_000);
    await streams.settled();
    expect([ends(), disconnects(), source.letGo]).toEqual([1, 1, true]);
  });

  it('that its caller has left gives it nothing more, whatever is read of it in the background', async () => {
    const { source, seen, passing, iterator } = metered();
    const first = iterator.next();
    source.give(1);
    await first;
    await iterator.return?.();
    await turns();
    source.give(2);
    await turns();
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    for await (const _ of passing) expect.fail('it is over for its caller');
    expect(seen).toEqual([1, 2]);
  });

  it('can be begun by hand and read on by for await, as a generator', async () => {
    const { source, seen, iterator } = metered();
    const first = iterator.next();
    source.give(1);
    await first;
    const read = (async () => {
      const events: number[] = [];
      for await (const event of iterator) events.push(event);
      return events;
    })();
    await turns();
    source.give(2);
    await turns();
    source.end();
    expect(await read).toEqual([2]);
    expect(seen).toEqual([1, 2]);
  });

  it('that fails after its caller dropped it ends without a word to anybody', async () => {
    const { source, iterator, ends, streams } = metered();
    await iterator.return?.();
    await turns();
    source.fail(new Error('reset'));
    await streams.settled();
    expect(ends()).toBe(1);
  });

  it('that nobody reads is given up after a quarter of an hour, and one that is read is not', async () => {
    const { timer, source, iterator, ends, streams } = metered();
    timer.advance(14 * 60_000);
    const next = iterator.next();
    source.give(1);
    await next;
    streams.maintain();
    timer.advance(14 * 60_000);
    streams.maintain();
    expect(ends()).toBe(0);
    timer.advance(60_000);
    streams.maintain();
    expect([ends(), streams.size]).toEqual([1, 0]);
    // Whoever reads on after that gets the rest; it has been counted in full.
    const late = iterator.next();
    source.end();
    expect(await late).toEqual({ done: true, value: undefined });
    expect(ends()).toBe(1);
  });

  it('can be read by for await, broken off by break', async () => {
    const { source, passing, streams, ends } = metered();
    const reading = (async () => {
      for await (const event of passing) if (event === 1) break;
    })();
    source.give(1);
    await reading;
    await turns();
    source.end();
    await streams.settled();
    expect(ends()).toBe(1);
  });
});

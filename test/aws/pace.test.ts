import { describe, expect, it } from 'vitest';
import { Pace } from '../../aws/pace.ts';

/** Waits by moving its own time on. */
function paceOf(perSecond: number, burst: number) {
  let now = 0;
  const sentAt: number[] = [];
  const pace = new Pace({
    perSecond,
    burst,
    now: () => now,
    wait: async (ms) => {
      now += ms;
    },
  });
  const send = (answer: () => void = () => {}) =>
    pace.keep(async () => {
      sentAt.push(now);
      answer();
    });
  return { send, sentAt, time: () => now };
}

const throttled = () => {
  throw Object.assign(new Error('Rate exceeded'), { name: 'ThrottlingException' });
};

describe('the pace of requests', () => {
  it('lets a burst through, and then so many a second', async () => {
    const { send, time } = paceOf(10, 5);
    for (let i = 0; i < 5; i++) await send();
    expect(time()).toBe(0);
    for (let i = 0; i < 100; i++) await send();
    expect(time()).toBe(10_000);
  });

  it('repeats what was throttled, slower for all, and recovers', async () => {
    const { send, sentAt, time } = paceOf(10, 1);
    let refusals = 2;
    await send(() => {
      if (refusals-- > 0) throttled();
    });
    expect(sentAt).toEqual([0, 200, 600]);
    for (let i = 0; i < 200; i++) await send();
    const before = time();
    await send();
    expect(time() - before).toBe(100);
  });

  it('slows down once for requests that are throttled together', async () => {
    const { send, time } = paceOf(10, 4);
    const isFirst = [true, true, true, true];
    await Promise.all(
      isFirst.map((_, i) =>
        send(() => {
          if (isFirst[i] !== true) return;
          isFirst[i] = false;
          throttled();
        }),
      ),
    );
    // Four repeats at five a second, the last of which waits for the others: not at the tenth of that.
    expect(time()).toBeLessThan(2_500);
  });

  it('gives up in the end, and repeats no other failure', async () => {
    const { send, sentAt } = paceOf(10, 1);
    await expect(send(throttled)).rejects.toThrow('Rate exceeded');
    expect(sentAt).toHaveLength(5);
    await expect(
      send(() => {
        throw new Error('denied');
      }),
    ).rejects.toThrow('denied');
    expect(sentAt).toHaveLength(6);
  });

  it('insists on nothing where it is told so, and is slower afterwards all the same', async () => {
    let now = 0;
    const wait = async (ms: number) => {
      now += ms;
    };
    const pace = new Pace({ perSecond: 1, burst: 1, repeats: 0, now: () => now, wait });
    await expect(pace.keep(async () => throttled())).rejects.toThrow('Rate exceeded');
    expect(now).toBe(0);
    await pace.keep(async () => {});
    expect(now).toBe(2_000);
  });

  it('is not undone by a clock that is set back', async () => {
    let now = 10_000;
    let waited = 0;
    const wait = async (ms: number) => {
      waited += ms;
    };
    const pace = new Pace({ perSecond: 1, burst: 2, now: () => now, wait });
    await pace.keep(async () => {});
    now = 0;
    await pace.keep(async () => {});
    expect(waited).toBe(0);
    await pace.keep(async () => {});
    expect(waited).toBe(1_000);
  });
});

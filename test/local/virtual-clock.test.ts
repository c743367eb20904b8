import { afterEach, describe, expect, it } from 'vitest';
import { createActivity } from '../../local/activity.ts';
import { VirtualClock } from '../../local/virtual-clock.ts';

const START = Date.UTC(2026, 10, 23, 10);
const HOUR = 3_600_000;

describe('VirtualClock', () => {
  let clock: VirtualClock;
  afterEach(() => clock.stop());

  it('rings what falls due on the way in order, each at its own time', async () => {
    clock = new VirtualClock(START);
    const rung: [string, number][] = [];
    clock.at(START + 2 * HOUR, () => rung.push(['second', clock.now()]));
    clock.at(START + HOUR, () => rung.push(['first', clock.now()]));
    clock.at(START + 4 * HOUR, () => rung.push(['later', clock.now()]));
    await clock.moveTo(START + 3 * HOUR);
    expect(rung).toEqual([
      ['first', START + HOUR],
      ['second', START + 2 * HOUR],
    ]);
    expect(clock.now()).toBeGreaterThanOrEqual(START + 3 * HOUR);
  });

  it('rings in the same move what an alarm sets for a time within it', async () => {
    clock = new VirtualClock(START);
    const rung: number[] = [];
    const everyHour = (at: number): void => {
      rung.push((at - START) / HOUR);
      clock.at(at + HOUR, everyHour);
    };
    clock.at(START + HOUR, everyHour);
    await clock.moveTo(START + 5 * HOUR);
    expect(rung).toEqual([1, 2, 3, 4, 5]);
  });

  it('waits for what one alarm has set off before it rings the next', async () => {
    const activity = createActivity();
    clock = new VirtualClock(START, () => activity.settled());
    const seen: string[] = [];
    const turns = async (name: string): Promise<void> => {
      seen.push(`${name} starts`);
      await new Promise((resume) => setImmediate(resume));
      void activity.track(
        new Promise<void>((resume) =>
          setImmediate(() => {
            seen.push(`${name} ends`);
            resume();
          }),
        ),
      );
    };
    clock.at(START + HOUR, () => void activity.track(turns('one')));
    clock.at(START + 2 * HOUR, () => void activity.track(turns('two')));
    await clock.moveTo(START + 3 * HOUR);
    expect(seen).toEqual(['one starts', 'one ends', 'two starts', 'two ends']);
  });

  it('does not ring what has been cancelled', async () => {
    clock = new VirtualClock(START);
    let rung = false;
    const cancel = clock.at(START + HOUR, () => {
      rung = true;
    });
    cancel();
    await clock.moveTo(START + 2 * HOUR);
    expect(rung).toBe(false);
  });

  it('refuses to move back, and goes on', async () => {
    clock = new VirtualClock(START);
    await expect(clock.moveTo(START - 1)).rejects.toThrow(RangeError);
    await clock.advance(HOUR);
    expect(clock.now()).toBeGreaterThanOrEqual(START + HOUR);
  });

  it('moves by nothing without complaint, and never lets time run back', async () => {
    clock = new VirtualClock(START);
    let last = clock.now();
    for (let step = 0; step < 200; step += 1) {
      await clock.advance(0);
      expect(clock.now()).toBeGreaterThanOrEqual(last);
      last = clock.now();
    }
  });

  it('makes simultaneous moves one after the other', async () => {
    clock = new VirtualClock(START);
    const rung: number[] = [];
    for (const hours of [1, 2, 3]) clock.at(START + hours * HOUR, () => rung.push(clock.now()));
    await Promise.all([clock.advance(HOUR), clock.advance(HOUR), clock.advance(HOUR)]);
    expect(rung).toEqual([START + HOUR, START + 2 * HOUR, START + 3 * HOUR]);
    expect(clock.now()).toBeGreaterThanOrEqual(START + 3 * HOUR);
    expect(clock.now()).toBeLessThan(START + 4 * HOUR);
  });

  it('stays usable when an alarm throws', async () => {
    clock = new VirtualClock(START);
    clock.at(START + HOUR, () => {
      throw new Error('broken alarm');
    });
    await expect(clock.moveTo(START + 2 * HOUR)).rejects.toThrow('broken alarm');
    await clock.moveTo(START + 2 * HOUR);
    expect(clock.now()).toBeGreaterThanOrEqual(START + 2 * HOUR);
  });
});

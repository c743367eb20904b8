import { describe, expect, it } from 'vitest';
import { steadyClock } from '../../aws/steady-clock.ts';

function machine() {
  const time = { wall: 1_000_000, monotonic: 50 };
  return {
    read: steadyClock(
      () => time.wall,
      () => time.monotonic,
    ),
    /** Both clocks go on. */
    pass: (ms: number) => {
      time.wall += ms;
      time.monotonic += ms;
    },
    /** Somebody sets the clock, or the process was frozen and only the wall clock went on. */
    set: (ms: number) => {
      time.wall += ms;
    },
  };
}

describe('steadyClock', () => {
  it('shows the time of a machine whose clock just goes on', () => {
    const { read, pass } = machine();
    expect(read()).toBe(1_000_000);
    pass(60_000);
    expect(read()).toBe(1_060_000);
  });

  it('goes on where the clock was set back', () => {
    const { read, pass, set } = machine();
    pass(10_000);
    expect(read()).toBe(1_010_000);
    set(-3_600_000);
    expect(read()).toBe(1_010_000);
    pass(5_000);
    expect(read()).toBe(1_015_000);
  });

  it('believes a jump forward, as a process sees it that was frozen', () => {
    const { read, set } = machine();
    set(600_000);
    expect(read()).toBe(1_600_000);
  });

  it('follows small adjustments in both directions', () => {
    const { read, set } = machine();
    set(-20);
    expect(read()).toBe(999_980);
    set(40);
    expect(read()).toBe(1_000_020);
  });

  it('comes back with the machine when a clock that was set back is set right again', () => {
    const { read, set, pass } = machine();
    set(-3_600_000);
    read();
    pass(1_000);
    set(3_600_000);
    // Ahead by what was set back: a lease ends early, never late, until AWS's answers say what time it is.
    expect(read()).toBeGreaterThanOrEqual(1_001_000);
  });
});

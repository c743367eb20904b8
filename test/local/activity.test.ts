import { describe, expect, it } from 'vitest';
import { createActivity } from '../../local/activity.ts';

const turn = (): Promise<void> => new Promise((resume) => setImmediate(resume));

describe('activity', () => {
  it('is settled at once when nothing is in flight', async () => {
    await createActivity().settled();
  });

  it('settles when work has ended, with the work that it starts in turn', async () => {
    const activity = createActivity();
    const ended: string[] = [];
    const work = async (depth: number): Promise<void> => {
      await turn();
      ended.push(`depth ${depth}`);
      if (depth < 3) void activity.track(work(depth + 1));
    };
    void activity.track(work(1));
    await activity.settled();
    expect(ended).toEqual(['depth 1', 'depth 2', 'depth 3']);
  });

  it('waits for work that starts just after other work has ended', async () => {
    const activity = createActivity();
    let followedUp = false;
    const followUp = async (): Promise<void> => {
      await turn();
      followedUp = true;
    };
    void activity.track(turn()).then(() => activity.track(followUp()));
    await activity.settled();
    expect(followedUp).toBe(true);
  });

  it('settles after work that fails, and leaves the failure to whoever asked for the work', async () => {
    const activity = createActivity();
    const failing = activity.track(turn().then(() => Promise.reject(new Error('broken work'))));
    await activity.settled();
    await expect(failing).rejects.toThrow('broken work');
  });
});

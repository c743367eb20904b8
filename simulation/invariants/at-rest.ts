import type { Story } from '../run/story.ts';

export function atRest(_story: Story): void {}

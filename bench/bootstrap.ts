import { seeded } from './simulation/random.ts';

const RESAMPLES = 2_000;

/**
 * Upper end of the one-sided 95 % confidence interval of a statistic of blocks, by the percentile bootstrap: blocks are
 * drawn again with replacement, whole, so that what was measured together stays together.
 */
export function upperBound95<Block>(blocks: readonly Block[], statistic: (blocks: readonly Block[]) => number): number {
  const random = seeded(1);
  const draw = (): Block => blocks[Math.floor(random() * blocks.length)] as Block;
  const values = Array.from({ length: RESAMPLES }, () => statistic(blocks.map(draw)));
  return values.sort((a, b) => a - b)[Math.ceil(0.95 * RESAMPLES) - 1] ?? Number.NaN;
}

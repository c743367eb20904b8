import { ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { pluginOf } from '../../invoke/plugin.ts';
import { upperBound95 } from '../bootstrap.ts';
import { figure, median, note } from '../figures.ts';
import type { GovernedProcess } from './governed-process.ts';
import { pairedCpu, type Work } from './paired-cpu.ts';
import { arnOf, MODEL } from './profiles.ts';
import { QUESTION, stubbedRuntime } from './stubbed-runtime.ts';

/** CPU of the SDK with the helper against the SDK alone, and of the SDK against itself, which shows what the noise is. */
export async function cpuRatio(governed: GovernedProcess, blocks: number): Promise<void> {
  const converse = (client: ReturnType<typeof stubbedRuntime>, modelId: string): Work => {
    return async () => {
      await client.send(new ConverseCommand({ modelId, ...QUESTION }));
    };
  };
  const helped = stubbedRuntime();
  helped.middlewareStack.use(pluginOf(governed.calls(0)));
  // Without the helper a tenant names the profile itself, and the longer path is the SDK's work.
  const alone = () => converse(stubbedRuntime(), arnOf(0));
  const arms = [alone(), alone(), converse(helped, MODEL)];
  const measured = await pairedCpu(arms, { blocks, turns: 12 });
  const ratios = (arm: number): number[] => measured.map((block) => (block[arm] ?? 0) / (block[0] ?? 0));
  const sdk = median(measured.map(([alone = 0]) => alone)) / 1_000;
  const upper = upperBound95(ratios(2), median);
  note(
    `CPU: SDK alone ${sdk.toFixed(0)} µs a call; with the helper ${median(ratios(2)).toFixed(4)} times that (at most ${upper.toFixed(4)}), itself again ${median(ratios(1)).toFixed(4)}; medians of ${blocks} blocks`,
  );
  figure('cpu_ratio_upper95', upper, { atMost: 1.06 });
  figure('cpu_ratio_control', median(ratios(1)), { atLeast: 0.95, atMost: 1.05 });
}

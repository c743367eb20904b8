import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as z from 'zod';
import { startEmbeddedAws } from '../../local/embedded-aws.ts';
import { figure, median, note } from '../figures.ts';
import { makeFirstCalls } from './first-calls.ts';
import { tenantProject } from './tenant-project.ts';

const execute = promisify(execFile);
const timesSchema = z.object({ importMs: z.number(), readyMs: z.number() });
type Times = z.infer<typeof timesSchema>;

/**
 * What the built helper adds to the start of a tenant's process: to its imports, and until its first answer. A process
 * with the helper and one with the SDK alone take turns, so that both see the same machine.
 */
export async function run(full: boolean): Promise<void> {
  const aws = await startEmbeddedAws();
  const project = await tenantProject(aws).catch(async (error: unknown) => {
    await aws.close();
    throw error;
  });
  const env = { ...process.env, ...aws.environment() };
  const timed = async (program: string): Promise<Times> => {
    await project.restoreLedger();
    const { stdout } = await execute(process.execPath, [program, project.profileArn], { env });
    return timesSchema.parse(JSON.parse(stdout));
  };
  try {
    await makeFirstCalls(aws);
    // The first of each reads the files from the disk.
    await timed(project.alone);
    await timed(project.governed);
    const pairs: { alone: Times; governed: Times }[] = [];
    for (let i = 0; i < (full ? 61 : 31); i++)
      pairs.push({ alone: await timed(project.alone), governed: await timed(project.governed) });
    for (const step of ['importMs', 'readyMs'] as const) {
      const alone = median(pairs.map((pair) => pair.alone[step]));
      const governed = median(pairs.map((pair) => pair.governed[step]));
      note(
        `${step}: SDK alone ${alone.toFixed(1)}, with the helper ${governed.toFixed(1)}; medians of ${pairs.length}`,
      );
    }
    figure('import_ratio', median(pairs.map(({ alone, governed }) => governed.importMs / alone.importMs)), {
      atMost: 1.1,
    });
    figure('ready_ratio', median(pairs.map(({ alone, governed }) => governed.readyMs / alone.readyMs)), {
      atMost: 1.6,
    });
  } finally {
    await project.remove();
    await aws.close();
  }
}

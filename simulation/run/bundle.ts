import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildContext, context, type Plugin } from 'esbuild';
import type { Mutant } from '../mutants/mutant.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The product and the simulation as one script. */
export interface Bundle {
  readonly name: string;
  readonly code: string;
}

/**
 * Puts the product and the simulation together, as they are or with a mutant in them. One script, because Node loads a module
 * that is imported while the program runs in a turn of the event loop of its own: here it is there at once, and nothing but
 * the scheduler decides what comes next.
 */
export class Bundles {
  #mutant: Mutant | undefined;
  #applied = 0;
  #building: Promise<BuildContext> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  async sound(): Promise<Bundle> {
    return { name: 'sound', code: await this.#inTurn(undefined) };
  }

  /** @throws where what is to be changed does not stand once in its file */
  async with(mutant: Mutant): Promise<Bundle> {
    return { name: mutant.id, code: await this.#inTurn(mutant) };
  }

  /** One is built at a time. */
  async #inTurn(mutant: Mutant | undefined): Promise<string> {
    const built = this.#last.catch(() => {}).then(() => this.#build(mutant));
    this.#last = built;
    return await built;
  }

  async close(): Promise<void> {
    await (await this.#building)?.dispose();
  }

  async #build(mutant: Mutant | undefined): Promise<string> {
    this.#building ??= context({
      entryPoints: [`${ROOT}simulation/run/seeds.ts`],
      bundle: true,
      write: false,
      platform: 'node',
      format: 'cjs',
      packages: 'external',
      logLevel: 'silent',
      supported: { 'dynamic-import': false },
      plugins: [this.#plugin()],
    });
    this.#mutant = mutant;
    this.#applied = 0;
    const { outputFiles } = await (await this.#building).rebuild();
    if (mutant !== undefined && this.#applied !== mutant.changes.length)
      throw new Error(
        `${mutant.id}: ${mutant.changes.map(({ file }) => file).join(', ')} is not part of what is simulated`,
      );
    const [file] = outputFiles ?? [];
    if (file === undefined) throw new Error('nothing was built');
    return file.text;
  }

  #plugin(): Plugin {
    return {
      name: 'mutants',
      setup: (build) => {
        build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
          const file = relative(ROOT, path);
          const source = await readFile(path, 'utf8');
          let contents = source.replaceAll(/\bimport\('(@[^']+)'\)/g, "Promise.resolve(require('$1'))");
          for (const change of this.#mutant?.changes ?? []) {
            if (change.file !== file) continue;
            if (contents.split(change.source).length !== 2)
              throw new Error(`${this.#mutant?.id}: this does not stand once in ${file}: ${change.source}`);
            contents = contents.replace(change.source, () => change.mutant);
            this.#applied++;
          }
          return { contents, loader: 'ts' };
        });
      },
    };
  }
}

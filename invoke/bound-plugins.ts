import type { Tags } from '../domain/tags.ts';
import type { GovernorPlugin } from './plugin.ts';

/** Bindings that are kept ready; a bound on memory. A server for more tenants makes those anew that were used longest ago. */
const MAX_BINDINGS = 10_000;

/** The plugin for each binding of tags: a server asks for the same ones with every request. */
export class BoundPlugins {
  readonly #make: (tags: Tags) => GovernorPlugin;
  readonly #fixed: Tags;
  readonly #plugins = new Map<string, GovernorPlugin>();

  /** @param fixed tags that nothing overrides */
  constructor(fixed: Tags, make: (tags: Tags) => GovernorPlugin) {
    this.#fixed = fixed;
    this.#make = make;
  }

  for(tags: Tags): GovernorPlugin {
    const name = JSON.stringify(tags);
    const known = this.#plugins.get(name);
    const plugin = known ?? this.#make({ ...tags, ...this.#fixed });
    if (known !== undefined && this.#plugins.size < MAX_BINDINGS / 2) return known;
    // Last in order is last used.
    this.#plugins.delete(name);
    this.#plugins.set(name, plugin);
    const [oldest] = this.#plugins.keys();
    if (this.#plugins.size > MAX_BINDINGS && oldest !== undefined) this.#plugins.delete(oldest);
    return plugin;
  }
}

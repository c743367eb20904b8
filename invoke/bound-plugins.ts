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
    checkText(fixed);
    this.#fixed = fixed;
    this.#make = make;
  }

  /** @throws {TypeError} where a value is no text */
  for(tags: Tags): GovernorPlugin {
    checkText(tags);
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

/** A server that binds a tag to what it failed to look up must not be bound to less than it believes. */
function checkText(tags: Tags): void {
  for (const key in tags)
    if (typeof tags[key] !== 'string') throw new TypeError(`tags: expected text for "${key}", got ${typeof tags[key]}`);
}

/**
 * The names that a package of AWS exports. These packages are CommonJS: Node finds the names in their text, and a bundler that
 * puts them into a file apart (esbuild with `splitting`) gives what they export under `default` alone.
 */
export const namesOf = <Sdk extends object>(sdk: Sdk & { readonly default?: unknown }): Sdk =>
  typeof sdk.default === 'object' && sdk.default !== null ? (sdk.default as Sdk) : sdk;

/** The public entry point of the package: what tenants import. */
export type { IndexSnapshot } from '../domain/profiles/index-cache.ts';
export { type CostGovernor, type CostGovernorConfig, costGovernor, type GovernorPlugin } from './cost-governor.ts';
export {
  type IndexChoice,
  parameterIndex,
  resolverIndex,
  secretIndex,
  type TaggingIndexOptions,
  tableIndex,
  taggingIndex,
} from './index-sources.ts';
export { GovernorRefusal, type RefusalCode, type RefusalDetails } from './refusals.ts';

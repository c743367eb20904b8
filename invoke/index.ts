/** The public entry point of the package: what tenants import. */
export type { CostGovernorConfig, GovernorSnapshot } from './config.ts';
export {
  type CostGovernor,
  costGovernor,
  type GovernorPlugin,
} from './cost-governor.ts';
export { type GovernanceNote, governanceOf } from './governance-note.ts';
export { governedHandler } from './lambda-tenant.ts';
export { type LeaseFunctionOptions, type LedgerAccess, leaseFunction } from './lease-function.ts';
export type { CallCounts, GovernorEvent, GovernorObserver, ObservedCall, ObservedProfile } from './observation.ts';
export { GovernorRefusal, type RefusalCode, type RefusalDetails } from './refusals.ts';
export type { ClientForRegion } from './regional-clients.ts';

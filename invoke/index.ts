/** The public entry point of the package: what tenants import. */
export { type CostGovernor, type CostGovernorConfig, costGovernor, type GovernorPlugin } from './cost-governor.ts';
export { type LeaseFunctionOptions, type LedgerAccess, leaseFunction } from './lease-function.ts';
export { GovernorRefusal, type RefusalCode, type RefusalDetails } from './refusals.ts';

/** The public entry point of the package: what tenants import. */

export type { Clock, EpochMs } from '../domain/clock.ts';
export type { IndexSnapshot } from '../domain/profiles/index-cache.ts';
export type { ProfileArn } from '../domain/profiles/profile-arn.ts';
export type { LedgerKey } from '../domain/spending/ledger.ts';
export type { CallCost } from '../domain/spending/pricing.ts';
export type { Usage, UsageDrift } from '../domain/spending/usage.ts';
export type { Tags } from '../domain/tags.ts';
export type { AccountState, HoldSource } from './budget-account.ts';
export type { CostGovernorConfig, GovernorSnapshot } from './config.ts';
export { type CostGovernor, costGovernor } from './cost-governor.ts';
export { type EventHintsOptions, eventBridgeHints } from './event-hints.ts';
export { type GovernanceNote, governanceOf } from './governance-note.ts';
export type { HintChoice, HintCounts, Hints } from './hints.ts';
export {
  type IndexChoice,
  parameterIndex,
  resolverIndex,
  secretIndex,
  type TaggingIndexOptions,
  tableIndex,
  taggingIndex,
} from './index-sources.ts';
export { governedHandler } from './lambda-tenant.ts';
export { type LeaseFunctionOptions, type LedgerAccess, leaseFunction } from './lease-function.ts';
export type { CallCounts, GovernorEvent, GovernorObserver, ObservedCall, ObservedProfile } from './observation.ts';
export { openTelemetry, type SpanTracer, type TracedSpan } from './open-telemetry.ts';
export type { GovernorPlugin } from './plugin.ts';
export { GovernorRefusal, type RefusalCode, type RefusalDetails } from './refusals.ts';
export type { ClientForRegion } from './regional-clients.ts';

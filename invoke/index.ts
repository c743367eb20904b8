/** The public entry point of the package: what tenants import. */
export {
  type CostGovernor,
  type CostGovernorConfig,
  costGovernor,
  type GovernorPlugin,
  type GovernorSnapshot,
} from './cost-governor.ts';
export { type GovernanceNote, governanceOf } from './governance-note.ts';
export { governedHandler } from './lambda-tenant.ts';
export type { CallCounts, GovernorEvent, GovernorObserver, ObservedCall, ObservedProfile } from './observation.ts';
export { openTelemetry, type SpanTracer, type TracedSpan } from './open-telemetry.ts';
export { GovernorRefusal, type RefusalCode, type RefusalDetails } from './refusals.ts';
export type { ClientForRegion } from './regional-clients.ts';

/** The tags of a profile of the example's insurer, all that its policy requires. */
export const ALPINE_RE = {
  tenant: 'alpine-re',
  dept: 'claims',
  team: 'intake',
  app: 'triage',
  environment: 'prod',
  costcenter: 'cc-1042',
};

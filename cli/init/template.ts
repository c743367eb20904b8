/** What a first policy is made of. */
export interface FirstPolicy {
  readonly tenantTag: string;
  readonly regions: readonly string[];
  readonly timeZone: string;
  /** As the policy writes it, such as `500 USD`. */
  readonly limit: string;
}

export const DEFAULTS: Omit<FirstPolicy, 'timeZone' | 'regions'> = { tenantTag: 'tenant', limit: '500 USD' };

/** A policy that says what may be said, for whoever edits it next. JSON strings are YAML strings. */
export const policyText = ({ tenantTag, regions, timeZone, limit }: FirstPolicy, schemaFile: string): string =>
  `# yaml-language-server: $schema=./${schemaFile}
# The policy of bedrock-cost-governor. Every key: docs/policy.md. After each change:
#   governor validate --policy <this file>
#   governor plan --policy <this file>
#   governor apply --policy <this file>
version: 1

# Budgets turn at midnight here.
timeZone: ${JSON.stringify(timeZone)}

# Where your application inference profiles are.
regions: [${regions.map((region) => JSON.stringify(region)).join(', ')}]

# "observe" decides and logs everything, and writes nothing that a tenant feels. "enforce" is the real thing.
mode: observe

# Whose money it is: the value of this tag is the tenant.
tenantTag: ${JSON.stringify(tenantTag)}

# The tags that a profile must carry. One that violates this is quarantined.
tags:
  required:
    ${JSON.stringify(tenantTag)}:
      pattern: "^[a-z][a-z0-9-]*$"
    environment:
      values: [prod, staging, dev]
      default: dev # stands in where the tag is missing
  optional:
    owner: {}

budgets:
  # One budget for each tenant that has a profile.
  - name: tenant-monthly
    per: ${JSON.stringify(tenantTag)}
    limit: ${JSON.stringify(limit)}
    # limits: { acme: "900 USD" } # for single tenants
    period: month
    thresholds:
      - { at: 80%, action: notify }
      - { at: 90%, action: throttle } # what is left lasts until the month ends
      - { at: 100%, action: disable }

  # Everything in production together, whoever the tenant is. It only counts and tells.
  # - name: production
  #   selector: { environment: prod }
  #   limit: 10,000 USD
  #   mode: shadow

# Profiles that \`governor apply\` creates where they are missing.
# declaredProfiles:
#   - for: { ${JSON.stringify(tenantTag)}: [acme] }
#     tags: { environment: prod }
#     models: [amazon.nova-lite-v1:0]
`;

/** A part of the rules, and the tests that must notice when it is changed. */
export interface Part {
  readonly mutate: readonly string[];
  readonly tests: readonly string[];
}

/** Each is mutated alone, and takes a minute or two on one core. Paths are below `domain/` and `test/domain/`. */
export const PARTS: Readonly<Record<string, Part>> = {
  ledger: {
    mutate: ['spending/ledger.ts'],
    tests: [
      'spending/ledger.test.ts',
      'spending/lease-model.test.ts',
      'spending/lease.test.ts',
      'spending/cell.test.ts',
      'spending/true-up.test.ts',
    ],
  },
  cells: { mutate: ['spending/cell.ts'], tests: ['spending/cell.test.ts'] },
  pricing: {
    mutate: ['spending/pricing.ts', 'spending/token-price.ts', 'spending/dated-rates.ts'],
    tests: [
      'spending/pricing.test.ts',
      'spending/token-price.test.ts',
      'spending/usage.test.ts',

      'spending/agreed-price.test.ts',
      'spending/true-up.test.ts',
    ],
  },
  period: { mutate: ['period.ts', 'utc-period.ts', 'zoned-period.ts'], tests: ['period.test.ts'] },
  decision: {
    mutate: ['standing/decide.ts'],
    tests: ['standing/decide.test.ts', 'standing/decide-evidence.test.ts'],
  },
  compliance: {
    mutate: ['profiles/compliance.ts'],
    tests: ['profiles/compliance.test.ts', 'policy/tag-policy.test.ts'],
  },
};

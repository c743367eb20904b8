import type { Policy } from '../policy/policy.ts';
import { mendedKeys } from '../policy/tag-keys.ts';
import { STANDING_TAG } from '../tags.ts';
import type { Deployment, ExaminedAccount, PolicyStatement } from './account.ts';
import { bad, type Finding, ok } from './finding.ts';

/** Whether the second lock is attached, and the governor's roles may write what the policy has them write. */

export async function checkGuardPolicies(
  account: ExaminedAccount,
  policy: Policy,
  { accountId }: Deployment,
): Promise<readonly Finding[]> {
  const check = 'guard-policies';
  const attached = (await account.attachedPolicies()).filter(({ document }) =>
    statementsIn(document).some(deniesOnStanding),
  );
  if (attached.length === 0)
    return [
      bad(
        check,
        'warning',
        `no attached policy of this account denies model calls on ${STANDING_TAG}: who goes round the helper is not stopped. A service control policy of the organisation may do so, and is not seen here`,
        'governor guard --policy <file> --out guard, then attach them as docs/guard-policies.md says.',
      ),
    ];
  const rendered = new Set(account.guardDocuments(policy, accountId).map(canonical));
  return attached.map(({ name, document }) =>
    rendered.has(canonical(document))
      ? ok(check, `policy ${name} is attached, and as the policy renders it`)
      : bad(
          check,
          'warning',
          `policy ${name} is attached, and not as the policy renders it now`,
          'If it is not changed on purpose: render it anew (governor guard) and give it a new default version.',
        ),
  );
}

export async function checkRoleTagKeys(
  account: ExaminedAccount,
  policy: Policy,
  { mendingRoles }: Deployment,
): Promise<readonly Finding[]> {
  const wanted = [STANDING_TAG, ...mendedKeys(policy.tags)];
  const findings: Finding[] = [];
  for (const role of mendingRoles) {
    const may = writableKeys(await account.statementsOf(role));
    const missing = wanted.filter((key) => !may(key));
    findings.push(
      missing.length === 0
        ? ok('role-tag-keys', `role ${role} may write ${wanted.join(', ')}`)
        : bad(
            'role-tag-keys',
            'failed',
            `role ${role} may not write the tags ${missing.join(', ')}: profiles are not mended`,
            'Package the stack with this policy and deploy it again (docs/policy.md).',
          ),
    );
  }
  return findings;
}

/** Which tag keys statements let a profile be tagged with. What denies, or is conditional on something else, is not looked at. */
export function writableKeys(statements: readonly PolicyStatement[]): (key: string) => boolean {
  const patterns = statements
    .filter(
      ({ Effect, Action }) =>
        Effect === 'Allow' && list(Action).some((action) => /^(\*|bedrock:(\*|Tag\*|TagResource))$/i.test(action)),
    )
    .flatMap(({ Condition }) => {
      const keys = keysIn(Condition);
      return keys.length === 0 ? ['*'] : keys;
    });
  return (key) => patterns.some((pattern) => like(pattern, key));
}

/** Values of `aws:TagKeys`, whatever compares them. */
function keysIn(condition: unknown): string[] {
  return Object.values(record(condition)).flatMap((comparison) =>
    Object.entries(record(comparison)).flatMap(([name, values]) =>
      name.toLowerCase() === 'aws:tagkeys' ? list(values) : [],
    ),
  );
}

const like = (pattern: string, key: string): boolean =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll('\\*', '.*')
      .replaceAll('\\?', '.')}$`,
  ).test(key);

function deniesOnStanding({ Effect, Action, Condition }: PolicyStatement): boolean {
  const names = Object.values(record(Condition)).flatMap((comparison) => Object.keys(record(comparison)));
  return (
    Effect === 'Deny' &&
    list(Action).some((action) => /^(\*|bedrock:(\*|Invoke.*))$/i.test(action)) &&
    names.some((name) => name.toLowerCase() === `aws:resourcetag/${STANDING_TAG}`.toLowerCase())
  );
}

const statementsIn = (document: unknown): readonly PolicyStatement[] => {
  const statements = record(document)['Statement'];
  return (Array.isArray(statements) ? statements : [statements]).map(record);
};

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};

const list = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).filter((each): each is string => typeof each === 'string');

/** Whatever the order of members, and whether a list of one is written as its one. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown): unknown => {
    if (Array.isArray(part)) return part.length === 1 ? part[0] : part;
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

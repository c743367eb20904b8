/** JSON policy documents of IAM and AWS Organizations, as far as the guard needs them. None names a `Principal`. */

export interface Statement {
  /** Letters and digits only, as IAM wants it. */
  readonly Sid: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: readonly string[];
  readonly NotAction?: readonly string[];
  readonly Resource: readonly string[];
  /** Operator → condition key → values, of which one must match; operators and keys are all required. */
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

/**
 * `managed`: a customer managed policy, attached to a role or as its permissions boundary. At most 6,144 characters, in
 * which IAM does not count white space. `service-control`: at most 5,120 characters as the document is sent.
 * [docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas, docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits]
 */
export type PolicyKind = 'managed' | 'service-control';

export const MAX_CHARACTERS: Readonly<Record<PolicyKind, number>> = { managed: 6_144, 'service-control': 5_120 };

/** The file's text. A service control policy has one statement on each line, because its white space counts. */
export function textOf(kind: PolicyKind, document: PolicyDocument): string {
  if (kind === 'managed') return `${JSON.stringify(document, null, 2)}\n`;
  const statements = document.Statement.map((statement) => JSON.stringify(statement)).join(',\n');
  return `{"Version":${JSON.stringify(document.Version)},"Statement":[\n${statements}\n]}\n`;
}

/** What AWS counts against {@link MAX_CHARACTERS}. White space inside of a tag key is counted, to be on the safe side. */
export const charactersOf = (kind: PolicyKind, document: PolicyDocument): number =>
  kind === 'managed' ? JSON.stringify(document).length : textOf(kind, document).length;

/** Principal × action × resource × what the request carries → allowed or denied, for the roles of the stack and the guard. */
const ACCOUNT = '123456789012';
const NAME = 'bedrock-cost-governor-dev';
const PROFILE = `arn:aws:bedrock:us-east-1:${ACCOUNT}:application-inference-profile/06vsfs68yb4g`;
const MODEL = 'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0';
const TABLE = `arn:aws:dynamodb:us-east-1:${ACCOUNT}:table/${NAME}`;
const topic = (name: string): string => `arn:aws:sns:us-east-1:${ACCOUNT}:${NAME}-${name}`;
const budget = (name: string): string => `arn:aws:budgets::${ACCOUNT}:budget/${name}`;
const parameter = (name: string): string => `arn:aws:ssm:us-east-1:${ACCOUNT}:parameter/${name}`;

export const FUNCTIONS = [
  'billing',
  'budget-alert',
  'budget-hint',
  'cost-anomaly',
  'lease',
  'ledger-watch',
  'metric-alarm',
  'outlook',
  'profile-changed',
  'reopen-ended',
  'resolve-profile',
  'sweep',
] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

export interface Wish {
  readonly action: string;
  readonly resource: string;
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

const MENDING: readonly FunctionName[] = ['profile-changed', 'sweep'];
const ENFORCING: readonly FunctionName[] = [
  ...MENDING,
  'budget-alert',
  'budget-hint',
  'cost-anomaly',
  'ledger-watch',
  'metric-alarm',
  'reopen-ended',
];
const TELLING: readonly FunctionName[] = [...ENFORCING, 'billing', 'outlook'];

const tags = (...keys: string[]) => ({ 'aws:TagKeys': keys });
const item = (action: string, key: string): Wish => ({
  action: `dynamodb:${action}`,
  resource: TABLE,
  context: { 'dynamodb:LeadingKeys': [key] },
});

/** What is wished, and by whom alone it is allowed. */
export const ROLE_TABLE: readonly (readonly [Wish, readonly FunctionName[]])[] = [
  [{ action: 'bedrock:TagResource', resource: PROFILE, context: tags('governor:standing') }, ENFORCING],
  [{ action: 'bedrock:UntagResource', resource: PROFILE, context: tags('governor:standing') }, ENFORCING],
  [{ action: 'bedrock:TagResource', resource: PROFILE, context: tags('costcenter', 'environment') }, MENDING],
  [{ action: 'bedrock:TagResource', resource: PROFILE, context: tags('costcenter', 'tenant') }, []],
  [{ action: 'bedrock:TagResource', resource: PROFILE, context: tags('tenant') }, []],
  [{ action: 'bedrock:TagResource', resource: PROFILE, context: tags('governor:copy-from') }, []],
  [{ action: 'bedrock:UntagResource', resource: PROFILE, context: tags('costcenter') }, []],
  [
    {
      action: 'bedrock:TagResource',
      resource: `arn:aws:bedrock:us-east-1:${ACCOUNT}:guardrail/abcdef012345`,
      context: tags('governor:standing'),
    },
    [],
  ],
  [
    {
      action: 'bedrock:TagResource',
      resource: 'arn:aws:bedrock:us-east-1:999999999999:application-inference-profile/06vsfs68yb4g',
      context: tags('governor:standing'),
    },
    [],
  ],
  [{ action: 'bedrock:DeleteInferenceProfile', resource: PROFILE }, ['sweep']],
  [{ action: 'bedrock:InvokeModel', resource: PROFILE }, []],
  [{ action: 'bedrock:CreateInferenceProfile', resource: PROFILE }, []],
  [item('GetItem', 'POLICY'), FUNCTIONS.filter((name) => name !== 'resolve-profile')],
  [item('Query', 'INDEX'), FUNCTIONS],
  [item('GetItem', 'TAGS'), [...ENFORCING, 'lease']],
  [item('PutItem', 'TAGS'), ENFORCING],
  [item('Query', 'TAGS'), ['metric-alarm', 'sweep']],
  [item('PutItem', 'POLICY'), []],
  [item('PutItem', 'OVERRIDES'), []],
  [item('PutItem', 'INDEX'), ENFORCING],
  [item('PutItem', 'USAGE#2026-11-23'), ['lease']],
  [item('UpdateItem', 'LEDGER#tenant-monthly/acme'), [...ENFORCING, 'lease']],
  [item('PutItem', 'LEDGER#tenant-monthly/acme'), []],
  [item('DeleteItem', 'LEDGER#tenant-monthly/acme'), []],
  [item('BatchWriteItem', 'LEDGER#tenant-monthly/acme'), []],
  [item('BatchWriteItem', 'AUDIT#2026-11-23'), [...ENFORCING, 'billing']],
  [item('PutItem', 'SIGNALS#tenant-monthly/acme'), ['cost-anomaly', 'metric-alarm']],
  [item('PutItem', 'CHECKPOINTS#tenant-monthly/acme'), ['metric-alarm', 'sweep']],
  [item('PutItem', 'PACE#tenant-monthly/acme'), ['outlook']],
  [item('DeleteItem', 'BILLING'), ['billing']],
  [{ action: 'dynamodb:Scan', resource: TABLE }, []],
  [{ action: 'dynamodb:DeleteTable', resource: TABLE }, []],
  [{ action: 'budgets:ModifyBudget', resource: budget('governor/dev/tenant-monthly/acme') }, MENDING],
  [{ action: 'budgets:ModifyBudget', resource: budget('finance') }, []],
  [{ action: 'budgets:ViewBudget', resource: budget('finance') }, [...MENDING, 'budget-alert', 'cost-anomaly']],
  [{ action: 'ce:UpdateCostAllocationTagsStatus', resource: '*' }, ['billing']],
  [{ action: 'cloudtrail:LookupEvents', resource: '*' }, MENDING],
  [{ action: 'sns:Publish', resource: topic('notices') }, TELLING],
  [{ action: 'sns:Publish', resource: topic('budget-alerts') }, []],
  [{ action: 'ssm:PutParameter', resource: parameter(`${NAME}/index/0`) }, ['sweep']],
  [{ action: 'ssm:GetParameters', resource: parameter(`${NAME}/index/0`) }, ['sweep', 'resolve-profile']],
  [{ action: 'ssm:PutParameter', resource: parameter(`${NAME}/mended-tag-keys`) }, []],
  [{ action: 'iam:PassRole', resource: `arn:aws:iam::${ACCOUNT}:role/x` }, []],
];

export type GuardDecision = 'allowed' | 'denied';
export type Attached = 'an identity policy' | 'a permissions boundary' | 'service control policies';

const OWN = { 'aws:PrincipalTag/tenant': 'acme', 'aws:ResourceTag/tenant': 'acme' };
const ALL = ['an identity policy', 'a permissions boundary', 'service control policies'] as const;
const invoke = (context: Wish['context'] = {}): Wish => ({ action: 'bedrock:InvokeModel', resource: PROFILE, context });
const create = (requested: Readonly<Record<string, string>>): Wish => ({
  action: 'bedrock:CreateInferenceProfile',
  resource: PROFILE,
  context: {
    ...Object.fromEntries(Object.entries(requested).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    'aws:TagKeys': Object.keys(requested),
  },
});
const WHOLE = { dept: 'claims', team: 'intake', app: 'triage', tenant: 'acme' };

/** Whoever holds the guard in any of these ways, what the wish comes to. */
export const GUARD_TABLE: readonly (readonly [string, readonly Attached[], Wish, GuardDecision])[] = [
  ['a tenant calls its own profile', ALL, invoke(OWN), 'allowed'],
  ['while it is throttled', ALL, invoke({ ...OWN, 'aws:ResourceTag/governor:standing': 'throttled' }), 'allowed'],
  ['while it is closed', ALL, invoke({ ...OWN, 'aws:ResourceTag/governor:standing': 'closed' }), 'denied'],
  ['while it is quarantined', ALL, invoke({ ...OWN, 'aws:ResourceTag/governor:standing': 'quarantined' }), 'denied'],
  ["another's profile", ALL, invoke({ ...OWN, 'aws:ResourceTag/tenant': 'umbrella' }), 'denied'],
  ['a profile of nobody', ALL, invoke({ 'aws:PrincipalTag/tenant': 'acme' }), 'denied'],
  [
    'a model behind its profile',
    ALL,
    { ...invoke({ 'aws:PrincipalTag/tenant': 'acme', 'bedrock:InferenceProfileArn': PROFILE }), resource: MODEL },
    'allowed',
  ],
  ['a model directly', ALL, { ...invoke({ 'aws:PrincipalTag/tenant': 'acme' }), resource: MODEL }, 'denied'],
  [
    'a model behind a system profile',
    ALL,
    {
      ...invoke({
        'aws:PrincipalTag/tenant': 'acme',
        'bedrock:InferenceProfileArn': `arn:aws:bedrock:us-east-1:${ACCOUNT}:inference-profile/us.amazon.nova-lite-v1:0`,
      }),
      resource: MODEL,
    },
    'denied',
  ],
  ['a call by who lost its tenant', ['an identity policy', 'a permissions boundary'], invoke({}), 'denied'],
  [
    'a tenant sets the standing',
    ALL,
    {
      action: 'bedrock:TagResource',
      resource: PROFILE,
      context: { ...OWN, 'aws:TagKeys': ['governor:standing'] },
    },
    'denied',
  ],
  [
    'a tenant creates a profile',
    ALL,
    { ...create(WHOLE), context: { ...create(WHOLE).context, 'aws:PrincipalTag/tenant': 'acme' } },
    'denied',
  ],
  ['the platform creates a whole profile', ['service control policies'], create(WHOLE), 'allowed'],
  [
    'without a required tag',
    ['service control policies'],
    create({ dept: 'claims', team: 'intake', app: 'triage' }),
    'denied',
  ],
  ['with an empty one', ['service control policies'], create({ ...WHOLE, app: '' }), 'denied'],
  [
    'in another case',
    ['service control policies'],
    create({ Dept: 'claims', team: 'intake', app: 'triage', tenant: 'acme' }),
    'denied',
  ],
  [
    'the platform sets the standing',
    ['service control policies'],
    { action: 'bedrock:TagResource', resource: PROFILE, context: { 'aws:TagKeys': ['governor:standing'] } },
    'denied',
  ],
];

/**
 * The account of the soak, in a process of its own: the packaged stack on the embedded AWS, a policy, and a profile for each
 * tenant. Its memory grows with the bill that it keeps; it is not the one that is measured.
 */
import { packageStack } from '../../infra/package.ts';
import { startEmbeddedAws } from '../../local/embedded-aws.ts';
import { DeployedGovernor } from '../../test/end-to-end/deployed-governor.ts';
import { MODEL, type Reckoning, type SoakedAccount, TENANTS } from './soak-protocol.ts';

const startAt = Number(process.argv[2]);
const tightLimit = process.argv[3] ?? '';
const aws = await startEmbeddedAws({ startAt });
const seen = { deadLetters: 0, invocations: 0, failedInvocations: 0 };
aws.observe((observation) => {
  if (observation.kind === 'dead-letter' || observation.kind === 'lost') seen.deadLetters++;
  if (observation.kind !== 'invocation') return;
  seen.invocations++;
  if (observation.error !== undefined) seen.failedInvocations++;
});
const governor = await DeployedGovernor.deploy(aws, await packageStack(), {
  version: 1,
  timeZone: 'UTC',
  regions: [aws.homeRegion],
  tenantTag: 'tenant',
  tags: { required: { tenant: {} } },
  budgets: [
    {
      name: 'monthly',
      per: 'tenant',
      limit: '1,000,000 USD',
      limits: Object.fromEntries(TENANTS.flatMap(({ name, isTight }) => (isTight ? [[name, tightLimit]] : []))),
      thresholds: [
        { at: '80%', action: 'notify' },
        { at: '100%', action: 'disable' },
      ],
    },
  ],
});
const profiles = new Map<string, string>();
for (const { name } of TENANTS)
  profiles.set(name, await governor.createProfile(name, governor.foundationModel(MODEL), { tenant: name }));
await aws.settled();

const account: SoakedAccount = { environment: aws.environment(), table: governor.table };
process.send?.(account);
process.once('message', () => {
  void reckon().then(async (reckoning) => {
    process.send?.(reckoning);
    await governor.close();
    process.disconnect();
  });
});

/** What AWS billed and what the ledger says, for each tenant and month. */
async function reckon(): Promise<Reckoning> {
  await aws.settled();
  const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7);
  const billed = new Map<string, bigint>();
  for (const { at, profileArn, costNanoUsd } of aws.billing) {
    const key = `${monthOf(at)} ${profileArn ?? ''}`;
    billed.set(key, (billed.get(key) ?? 0n) + costNanoUsd);
  }
  const months = [...new Set([startAt, aws.clock.now()].map(monthOf))];
  const tenants = await Promise.all(
    months.flatMap((month) =>
      TENANTS.map(async ({ name, isTight }) => {
        const item = await governor.ledger(`monthly/${name}`, month);
        const amount = (value: bigint | undefined): string => String(value ?? 0n);
        return {
          name,
          isTight,
          month,
          billed: amount(billed.get(`${month} ${profiles.get(name) ?? ''}`)),
          settled: amount(item?.settled),
          unconfirmed: amount(item?.unconfirmed),
          leased: amount(item?.leased),
          limit: amount(item?.limit),
        };
      }),
    ),
  );
  return { tenants, ...seen };
}

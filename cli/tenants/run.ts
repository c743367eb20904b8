import { tenantOf } from '../../domain/budgets/definition.ts';
import { isoTime, shortTime } from '../../domain/clock.ts';
import { howMany } from '../../domain/how-many.ts';
import { displayUsd } from '../../domain/money.ts';
import { type BudgetStatus, budgetStatuses, budgetsOf, shareOf } from '../../domain/status/budget-status.ts';
import { type TenantStatus, tenantStatuses } from '../../domain/status/tenant-status.ts';
import type { StackOptions } from '../connection.ts';
import { print, printJson } from '../output/print.ts';
import { progress } from '../output/progress.ts';
import { standingIn, styleOf } from '../output/style.ts';
import { tableOf } from '../output/table.ts';
import { statusDocument } from '../status/document.ts';
import { firstSteps } from '../status/first-steps.ts';
import { forecastOf } from '../status/text.ts';
import { tablePorts } from '../table-ports.ts';

export interface TenantsOptions extends StackOptions {
  readonly json?: boolean;
}

/** @returns the exit code */
export async function runTenants(options: TenantsOptions): Promise<number> {
  const ports = await tablePorts(options);
  const unreadable: string[] = [];
  const entries = await ports.index.list((arn) => unreadable.push(arn));
  const own = budgetsOf(ports.policy, entries).filter((budget) => tenantOf(ports.policy, budget) !== undefined);
  const bar = progress(options);
  const statuses = await budgetStatuses(ports, own, (done) => bar.at(`${done} of ${own.length} budgets`));
  bar.done();
  const found = tenantStatuses(ports.policy, entries, statuses);
  const at = ports.clock.now();
  if (options.json === true) {
    printJson({
      type: 'tenants',
      at: isoTime(at),
      table: ports.table,
      tenants: found.map(({ budgets, ...tenant }) => ({ ...tenant, budgets: budgets.map(statusDocument) })),
      unreadable,
    });
    return 0;
  }
  const style = styleOf();
  const closest = ({ budgets }: TenantStatus): BudgetStatus | undefined =>
    [...budgets].sort((a, b) => shareOf(b) - shareOf(a))[0];
  if (found.length > 0)
    print(
      tableOf<TenantStatus>(
        [
          { title: 'tenant', of: ({ tenant }) => tenant },
          { title: 'standing', of: ({ standing }) => standingIn(style, standing) },
          {
            title: 'profiles',
            right: true,
            of: ({ profiles, closedProfiles }) =>
              closedProfiles === 0 ? String(profiles) : `${profiles} (${closedProfiles} closed)`,
          },
          { title: 'budgets', right: true, of: ({ budgets }) => String(budgets.length) },
          { title: 'most spent', of: (tenant) => closest(tenant)?.budget.id ?? '' },
          { title: 'spent', right: true, of: (tenant) => spentOf(closest(tenant)) },
          { title: 'forecast', of: (tenant) => forecastIn(closest(tenant)) },
        ],
        found,
        style,
      ),
    );
  print(`${found.length > 0 ? '\n' : ''}${howMany(found.length, 'tenant')} at ${shortTime(at)}`);
  if (found.length === 0) for (const line of firstSteps(ports.policy)) print(line);
  for (const arn of unreadable)
    print(style.yellow(`The index entry of ${arn} was written by another version: not shown.`));
  return 0;
}

const spentOf = (status: BudgetStatus | undefined): string =>
  status?.figures === undefined
    ? ''
    : `${displayUsd(status.figures.spent)} of ${displayUsd(status.budget.limit)} (${shareOf(status)}%)`;

const forecastIn = (status: BudgetStatus | undefined): string => (status === undefined ? '' : forecastOf(status));

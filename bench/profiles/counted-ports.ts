import type { Sweep } from '../../domain/profiles/sweep.ts';
import type { GovernedAccount } from '../../test/domain/governed-account.ts';

const LIST_PAGE = 1_000;
const GET_RESOURCES_PAGE = 100;
/** A page of a DynamoDB query (Developer Guide). */
const QUERY_PAGE_BYTES = 1_048_576;

/** The ports of an account in memory, and how many requests to AWS their calls would be. */
export function countedPorts(account: GovernedAccount): { ports: Sweep; requests: ReadonlyMap<string, number> } {
  const requests = new Map<string, number>();
  const pagesOf = (call: string): number => {
    const profiles = account.stored.size;
    if (call === 'profiles.list') return Math.ceil(profiles / LIST_PAGE);
    if (call === 'bulkTags.read') return Math.ceil(profiles / GET_RESOURCES_PAGE);
    if (call !== 'index.list') return 1;
    const bytes = [...account.indexed].reduce((sum, [arn, document]) => sum + arn.length + document.length + 20, 0);
    return Math.max(1, Math.ceil(bytes / QUERY_PAGE_BYTES));
  };
  const counted = <Port extends object>(name: string, port: Port): Port =>
    new Proxy(port, {
      get(target, member) {
        const method: unknown = Reflect.get(target, member);
        if (typeof method !== 'function') return method;
        return (...args: unknown[]): unknown => {
          const call = `${name}.${String(member)}`;
          requests.set(call, (requests.get(call) ?? 0) + pagesOf(call));
          return Reflect.apply(method, target, args);
        };
      },
    });
  const { ports } = account;
  return {
    requests,
    ports: {
      ...ports,
      profiles: counted('profiles', ports.profiles),
      bulkTags: counted('bulkTags', ports.bulkTags),
      index: counted('index', ports.index),
      awsBudgets: counted('awsBudgets', ports.awsBudgets),
      outbox: counted('outbox', ports.outbox),
      progress: counted('progress', ports.progress),
      ledger: counted('ledger', ports.ledger),
    },
  };
}

/** Reviews read the ledger once for each budget, and AWS Budgets once for all, whatever the number of profiles: told apart. */
export const PER_BUDGET = ['ledger', 'awsBudgets'];

export const sumOf = (requests: ReadonlyMap<string, number>, isCounted: (port: string) => boolean): number =>
  [...requests].reduce((sum, [call, count]) => (isCounted(call.slice(0, call.indexOf('.'))) ? sum + count : sum), 0);

import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { LeaseFunctionAddress } from '../aws/lease-function.ts';
import type { LeaseLedger } from '../domain/spending/ledger.ts';
import type { ProcessId, UsageRecords } from '../domain/spending/usage-record.ts';

/** A way to the ledger other than the table itself. */
export interface LedgerAccess {
  open(process: OpeningProcess): OpenedLedger | Promise<OpenedLedger>;
}

export interface OpeningProcess {
  readonly id: ProcessId;
  readonly region: string | undefined;
  /** Listens to the answers of a client, for AWS's time. */
  readonly listenTo: (client: LambdaClient) => void;
}

export interface OpenedLedger {
  readonly ledger: LeaseLedger;
  readonly usage: Pick<UsageRecords, 'write'>;
}

export interface LeaseFunctionOptions extends LeaseFunctionAddress {
  /**
   * Client for the function; by default one made from the environment that gives up a request after five seconds. It is
   * loaded with the first request.
   */
  readonly lambda?: LambdaClient;
}

/**
 * Leases through the governor's `lease` function, for tenants whose role may not write the governor's table.
 *
 * ```ts
 * costGovernor({ …, ledger: leaseFunction({ functionName: 'bedrock-cost-governor-prod-lease', qualifier: 'tenant-acme' }) })
 * ```
 */
export const leaseFunction = ({ lambda, ...address }: LeaseFunctionOptions): LedgerAccess => ({
  async open({ id, region, listenTo }) {
    // Loaded with the first call: most processes reach the table directly.
    const { lambdaLeaseFunction, leaseFunctionLedger, leaseFunctionUsage } = await import('../aws/lease-function.ts');
    const connect = async (): Promise<LambdaClient> => {
      const client = lambda ?? (await environmentClient(region));
      listenTo(client);
      return client;
    };
    const ask = lambdaLeaseFunction(address, connect);
    return { ledger: leaseFunctionLedger(ask, id), usage: leaseFunctionUsage(ask) };
  },
});

/** A cold start of the function takes a second or two. */
const TIME_OUTS = { connectionTimeout: 1_000, requestTimeout: 5_000, throwOnRequestTimeout: true };

async function environmentClient(region: string | undefined): Promise<LambdaClient> {
  const { LambdaClient: Client } = await (await import('../aws/sdk-packages.ts')).lambdaSdk();
  return new Client({ requestHandler: TIME_OUTS, ...(region === undefined ? {} : { region }) });
}

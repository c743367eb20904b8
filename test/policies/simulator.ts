import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as z from 'zod';

const PACKAGE = '@cloud-copilot/iam-simulate';

export interface Simulated {
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  readonly context: Readonly<Record<string, string | readonly string[]>>;
  readonly identity: readonly object[];
  readonly boundary: object | undefined;
  readonly serviceControl: readonly object[] | undefined;
}

const moduleSchema = z.object({
  runSimulation: z.function({ input: [z.unknown(), z.unknown()], output: z.promise(z.unknown()) }),
});
const result = z.object({
  resultType: z.literal('single'),
  overallResult: z.enum(['Allowed', 'ImplicitlyDenied', 'ExplicitlyDenied']),
  result: z.looseObject({ ignoredContextKeys: z.array(z.string()).optional() }).optional(),
});

/** The simulator that npx has fetched: it is found by the path that npx puts first. It is no dependency, because of its licence. */
export async function openSimulator(): Promise<(request: Simulated) => Promise<'allowed' | 'denied'>> {
  const folder = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((bin) => join(bin, '..', ...PACKAGE.split('/'), 'dist/esm/index.js'))
    .find((path) => existsSync(path));
  if (folder === undefined)
    throw new Error('run this by `npm run check:policies`, which fetches the simulator with npx');
  const { runSimulation } = moduleSchema.parse({ ...(await import(pathToFileURL(folder).href)) });
  const named = (documents: readonly object[]) => documents.map((policy, at) => ({ name: `policy-${at}`, policy }));
  return async ({ principal, action, resource, context, identity, boundary, serviceControl }) => {
    const answer = await runSimulation(
      {
        request: { principal, action, resource: { resource, accountId: '123456789012' }, contextVariables: context },
        identityPolicies: named(identity),
        serviceControlPolicies:
          serviceControl === undefined ? [] : [{ orgIdentifier: 'account', policies: named(serviceControl) }],
        resourceControlPolicies: [],
        ...(boundary === undefined ? {} : { permissionBoundaryPolicies: named([boundary]) }),
      },
      {},
    );
    const read = result.safeParse(answer);
    if (!read.success) throw new Error(`${action} on ${resource}: ${JSON.stringify(answer)}`);
    return read.data.overallResult === 'Allowed' ? 'allowed' : 'denied';
  };
}

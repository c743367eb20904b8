import { GetParameterCommand, ParameterNotFound, type SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import type { WritableTagKeys } from '../domain/policy/tag-keys.ts';
import { errorName } from './asking.ts';

const Keys = z.array(z.string());

/** Where the stack says which of a tenant's tags its roles may write: infra/resources/tag-keys.yml. The table bears the stack's name. */
export const tagKeysParameter = (table: string): string => `/${table}/mended-tag-keys`;

/** What the roles of the stack with this table may write, as the stack that is deployed says itself. */
export async function stackTagKeys(client: SSMClient, table: string): Promise<WritableTagKeys> {
  const name = tagKeysParameter(table);
  try {
    const { Parameter } = await client.send(new GetParameterCommand({ Name: name }));
    const keys = Keys.safeParse(JSON.parse(Parameter?.Value ?? 'null'));
    if (keys.success) return { kind: 'known', keys: keys.data };
    return { kind: 'unknown', because: `the parameter ${name} holds no list of tag keys` };
  } catch (error) {
    const because =
      error instanceof ParameterNotFound
        ? `there is no parameter ${name}: the stack is not deployed here, or was packaged before it was there`
        : `the parameter ${name} could not be read (${errorName(error)})`;
    return { kind: 'unknown', because };
  }
}

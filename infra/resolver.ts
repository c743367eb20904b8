import { Logger } from '@aws-lambda-powertools/logger';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import { AwsClock } from '../aws/aws-clock.ts';
import { tableSource } from '../aws/dynamodb/table-source.ts';
import { thisMachine } from '../aws/machine.ts';
import { parameterSource } from '../aws/parameter-index.ts';
import { answerResolver } from '../domain/profiles/answer-resolver.ts';
import { IndexCache } from '../domain/profiles/index-cache.ts';
import type { ResolverAnswer } from '../domain/profiles/resolver-protocol.ts';
import { withSnapshot } from '../domain/profiles/snapshot-source.ts';
import { functionSettings } from './function-settings.ts';

/** What the function is told by the stack; see `provider.environment` in infra/serverless.yml. */
const Environment = z.object({
  GOVERNOR_TABLE: z.string().min(3),
  GOVERNOR_INDEX_PARAMETER: z.string().startsWith('/'),
});

/** Callers wait: a table that is silent is given up in time to read the copy. */
const TIME_OUTS = { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true };

export interface Resolver {
  readonly logger: Logger;
  answer(payload: unknown): Promise<ResolverAnswer>;
}

/** The adapters of the function `resolve-profile`: fewer than the others need, so that it starts fast. */
export function resolver(environment: NodeJS.ProcessEnv = process.env): Resolver {
  const { GOVERNOR_TABLE: table, GOVERNOR_INDEX_PARAMETER: parameter } = functionSettings(Environment, environment);
  const logger = new Logger();
  const clock = new AwsClock();
  const dynamodb = clock.listenTo(new DynamoDBClient({ requestHandler: TIME_OUTS, maxAttempts: 2 }));
  const copy = parameterSource(new SSMClient({ requestHandler: TIME_OUTS, maxAttempts: 2 }), parameter);
  const source = withSnapshot(tableSource(dynamodb, table), copy);
  const cache = new IndexCache({ source, clock, letOthersRun: thisMachine.letOthersRun });
  return {
    logger,
    async answer(payload) {
      const answer = await answerResolver(cache, clock, payload);
      const { lastError } = cache.snapshot() ?? {};
      if (lastError !== undefined) logger.warn('the index cannot be read', { lastError });
      if (answer.kind === 'refused') logger.info('refused', { code: answer.code });
      return answer;
    },
  };
}

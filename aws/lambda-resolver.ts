import type { LambdaClient } from '@aws-sdk/client-lambda';
import { epochMs } from '../domain/clock.ts';
import { Fault } from '../domain/fault.ts';
import { IndexEntryReader } from '../domain/profiles/index-entry-document.ts';
import type { IndexSource, WithheldProfile } from '../domain/profiles/index-source.ts';
import { type ResolverRequest, readProfilesAnswer } from '../domain/profiles/resolver-protocol.ts';
import type { Tags } from '../domain/tags.ts';
import { asking } from './asking.ts';
import { lambdaSdk } from './sdk-packages.ts';

/**
 * The profiles that carry these tags, from the function `resolve-profile`: for processes that may call the function
 * and may not read the table.
 *
 * @param functionName name or ARN, with or without an alias
 */
export function resolverSource(client: LambdaClient, functionName: string, tags: Tags): IndexSource {
  const reader = new IndexEntryReader();
  const name = `the function ${functionName}`;
  const doing = `reading the index from ${name}`;

  const ask = async (request: ResolverRequest) => {
    const { InvokeCommand } = await lambdaSdk();
    const { Payload, FunctionError } = await client.send(
      new InvokeCommand({ FunctionName: functionName, Payload: new TextEncoder().encode(JSON.stringify(request)) }),
    );
    const text = new TextDecoder().decode(Payload);
    const answer = FunctionError === undefined ? readProfilesAnswer(jsonOf(text)) : `it failed (${FunctionError})`;
    if (typeof answer !== 'string') return answer;
    throw new Fault('ResolverFailed', { doing, problem: answer, next: "Look at the function's log." });
  };

  return {
    name,
    async read() {
      return await asking(doing, async () => {
        const reading = reader.begin();
        const withheld: WithheldProfile[] = [];
        let after: string | undefined;
        let writtenAt: number | undefined;
        do {
          const { documents, rest } = await ask({
            version: 1,
            list: { tags, ...(after === undefined ? {} : { after }) },
          });
          for (const { arn, document } of documents) reading.take(arn, document);
          withheld.push(...rest.withheld);
          writtenAt = Math.min(writtenAt ?? rest.writtenAt, rest.writtenAt);
          after = rest.after;
        } while (after !== undefined);
        const read = reading.end();
        return { entries: read.entries, withheld: [...read.withheld, ...withheld], writtenAt: epochMs(writtenAt) };
      });
    },
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { displayUsd, nanoUsd } from '../../domain/money.ts';
import { type LedgerKey, left } from '../../domain/spending/ledger.ts';
import { type CostGovernor, costGovernor, type GovernorEvent, GovernorRefusal } from '../../invoke/index.ts';
import type { StackOptions } from '../connection.ts';
import { unlessTwice } from '../interruption.ts';
import { complain, forPeople, harmless, print, printJson, usd } from '../output/print.ts';
import { progress } from '../output/progress.ts';
import { type TablePorts, tablePorts } from '../table-ports.ts';
import { readTags } from '../tags-typed.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED } from '../user-error.ts';
import { nextSteps } from './next-steps.ts';

export interface InvokeOptions extends StackOptions {
  readonly model: string;
  readonly tag: readonly string[];
  readonly maxTokens: number;
  readonly json?: boolean;
}

const PROMPT = 'Say hello in one short sentence.';

/** @returns the exit code */
export async function runInvoke(options: InvokeOptions, prompt = PROMPT): Promise<number> {
  const tags = readTags(options.tag);
  const ports = await tablePorts(options);
  const events: GovernorEvent[] = [];
  // The governor's time is AWS's, as the table has told it.
  const governor = costGovernor({
    table: ports.table,
    tags,
    clock: ports.clock,
    observe: (event) => void events.push(event),
  });
  const client = new BedrockRuntimeClient();
  client.middlewareStack.use(governor);
  const abort = new AbortController();
  const bar = progress(options);
  // Whoever gives up waits for the lease to be given back.
  return await unlessTwice(
    () => abort.abort(),
    async () => {
      try {
        bar.at(`calling ${options.model} …`);
        const command = new ConverseCommand({
          modelId: options.model,
          messages: [{ role: 'user', content: [{ text: prompt }] }],
          inferenceConfig: { maxTokens: options.maxTokens },
        });
        const { output, stopReason } = await client.send(command, { abortSignal: abort.signal });
        await settle(governor, client);
        bar.done();
        const answer = (output?.message?.content ?? []).map(({ text = '' }) => text).join('');
        await tellAnswer(options, ports, { answer, stopReason: stopReason ?? 'unknown', events });
        return 0;
      } catch (error) {
        await settle(governor, client);
        bar.done();
        if (abort.signal.aborted) {
          complain('Given up. What the call may have cost counts as spent until it is known.');
          return EXIT_INTERRUPTED;
        }
        if (error instanceof GovernorRefusal) return tellRefusal(options, error);
        throw error;
      }
    },
  );
}

async function settle(governor: CostGovernor, client: BedrockRuntimeClient): Promise<void> {
  await governor.close();
  client.destroy();
}

async function tellAnswer(
  options: InvokeOptions,
  ports: TablePorts,
  told: { readonly answer: string; readonly stopReason: string; readonly events: readonly GovernorEvent[] },
): Promise<void> {
  const { answer, stopReason, events } = told;
  const admitted = events.find((event) => event.kind === 'admitted');
  const settled = events.find((event) => event.kind === 'settled');
  const budgets = await Promise.all((admitted?.budgets ?? []).map((key) => leftOf(ports, key)));
  const cost = nanoUsd(BigInt(settled?.costNanoUsd ?? 0));
  const { inputTokens = 0, outputTokens = 0 } = settled?.usage ?? {};
  if (options.json === true) {
    printJson({
      type: 'invoke',
      outcome: 'answered',
      answer,
      stopReason,
      profile: admitted?.profile.arn ?? null,
      model: admitted?.profile.model ?? null,
      ...(admitted?.insteadOf === undefined ? {} : { insteadOf: admitted.insteadOf }),
      inputTokens,
      outputTokens,
      costUsd: usd(cost),
      budgets: budgets.map(({ budget, period, amount }) => ({
        budget,
        period,
        leftUsd: amount === undefined ? null : usd(amount),
      })),
    });
    return;
  }
  print(answer.replaceAll(/(?!\n)\p{Cc}/gu, ' '));
  print('');
  if (admitted?.insteadOf !== undefined)
    print(`through ${admitted.profile.model} instead of ${admitted.insteadOf}: a budget is throttled`);
  print(`through  ${harmless(admitted?.profile.name ?? '')} (${admitted?.profile.arn ?? 'no profile'})`);
  print(`cost     ${displayUsd(cost)}: ${inputTokens} tokens in, ${outputTokens} out`);
  for (const { budget, period, amount } of budgets)
    print(`left     ${amount === undefined ? 'not known' : displayUsd(amount)} of ${budget} in ${period}`);
}

async function leftOf({ ledger, clock }: TablePorts, key: LedgerKey) {
  const { budget, period } = key;
  const item = await ledger.read({ budget, period });
  return { budget, period, amount: item === undefined ? undefined : left(item, clock.now()) };
}

function tellRefusal(options: InvokeOptions, { code, message, details }: GovernorRefusal): number {
  if (options.json === true) printJson({ type: 'invoke', outcome: 'refused', code, message, details });
  else {
    const next = nextSteps({ code, details });
    complain([`refused: ${code}: ${forPeople(message)}`, ...next.map((line) => `  ${line}`)].join('\n'));
  }
  return EXIT_FAILED;
}

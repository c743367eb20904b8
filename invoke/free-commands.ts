/** Name a model, or run a guardrail, and are free (Amazon Bedrock user guide, CountTokens; the asynchronous reads start nothing). */
const FREE = new Set(['CountTokensCommand', 'GetAsyncInvokeCommand', 'ListAsyncInvokesCommand']);
/** Spend although they name no model: guardrails are billed by the text unit (Amazon Bedrock pricing). */
const SPENDING = new Set(['ApplyGuardrailCommand', 'InvokeGuardrailChecksCommand']);

/** Whether a command certainly costs nothing. One that is not known here and names a model is taken to spend. */
export function isFree(commandName: string, input: object): boolean {
  if (FREE.has(commandName)) return true;
  const namesModel = 'modelId' in input && input.modelId !== undefined;
  return !namesModel && !SPENDING.has(commandName);
}

/**
 * What AWS's price list calls a model, and its model id. The list carries no model ids, so that this is kept by hand.
 * The names of Claude models are those of their Marketplace products ("Claude Sonnet 4.6 (Amazon Bedrock Edition)");
 * the others stand in the attribute `model`. Only the forms are documented: each single name is UNVERIFIED. A name
 * that is not here is reported, never guessed.
 */
const MODEL_IDS: Readonly<Record<string, string>> = {
  'Claude 3 Haiku': 'anthropic.claude-3-haiku-20240307-v1:0',
  'Claude 3.5 Haiku': 'anthropic.claude-3-5-haiku-20241022-v1:0',
  'Claude 3.5 Sonnet': 'anthropic.claude-3-5-sonnet-20240620-v1:0',
  'Claude 3.5 Sonnet v2': 'anthropic.claude-3-5-sonnet-20241022-v2:0',
  'Claude 3.7 Sonnet': 'anthropic.claude-3-7-sonnet-20250219-v1:0',
  'Claude Haiku 4.5': 'anthropic.claude-haiku-4-5-20251001-v1:0',
  'Claude Sonnet 4': 'anthropic.claude-sonnet-4-20250514-v1:0',
  'Claude Sonnet 4.5': 'anthropic.claude-sonnet-4-5-20250929-v1:0',
  'Claude Sonnet 4.6': 'anthropic.claude-sonnet-4-6',
  'Claude Sonnet 5': 'anthropic.claude-sonnet-5',
  'Claude Opus 4': 'anthropic.claude-opus-4-20250514-v1:0',
  'Claude Opus 4.1': 'anthropic.claude-opus-4-1-20250805-v1:0',
  'Claude Opus 4.5': 'anthropic.claude-opus-4-5-20251101-v1:0',
  'Claude Opus 4.6': 'anthropic.claude-opus-4-6-v1:0',
  'Claude Opus 4.7': 'anthropic.claude-opus-4-7',
  'Claude Opus 4.8': 'anthropic.claude-opus-4-8',
  'Claude Opus 5': 'anthropic.claude-opus-5',
  'Claude Opus 5.5': 'anthropic.claude-opus-5-5',
  'Claude Fable 5': 'anthropic.claude-fable-5',
  'Claude Fable 5.1': 'anthropic.claude-fable-5-1',
  'Nova Micro': 'amazon.nova-micro-v1:0',
  'Nova Lite': 'amazon.nova-lite-v1:0',
  'Nova Pro': 'amazon.nova-pro-v1:0',
  'Nova Premier': 'amazon.nova-premier-v1:0',
  'Nova 2 Lite': 'amazon.nova-2-lite-v1:0',
  'Llama 3.1 8B': 'meta.llama3-1-8b-instruct-v1:0',
  'Llama 3.1 70B': 'meta.llama3-1-70b-instruct-v1:0',
  'Llama 3.2 1B': 'meta.llama3-2-1b-instruct-v1:0',
  'Llama 3.2 3B': 'meta.llama3-2-3b-instruct-v1:0',
  'Llama 3.2 11B': 'meta.llama3-2-11b-instruct-v1:0',
  'Llama 3.2 90B': 'meta.llama3-2-90b-instruct-v1:0',
  'Llama 3.3 70B': 'meta.llama3-3-70b-instruct-v1:0',
  'Llama 4 Scout 17B': 'meta.llama4-scout-17b-instruct-v1:0',
  'Llama 4 Maverick 17B': 'meta.llama4-maverick-17b-instruct-v1:0',
  'Mistral 7B': 'mistral.mistral-7b-instruct-v0:2',
  'Mixtral 8x7B': 'mistral.mixtral-8x7b-instruct-v0:1',
  'Mistral Large': 'mistral.mistral-large-2402-v1:0',
  'Mistral Small': 'mistral.mistral-small-2402-v1:0',
  'Pixtral Large': 'mistral.pixtral-large-2502-v1:0',
  R1: 'deepseek.r1-v1:0',
};

const written = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9.]/g, '');
const BY_NAME = new Map(Object.entries(MODEL_IDS).map(([name, id]) => [written(name), id]));

/** The model id of a name, however it is spaced and capitalised; undefined where it is not known. */
export const modelIdOf = (name: string): string | undefined => BY_NAME.get(written(name));

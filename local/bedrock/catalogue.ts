/**
 * Foundation models and system-defined inference profiles, by Region: an excerpt of what Bedrock offers.
 *
 * Ids are as AWS publishes them, context windows as in public price data. Which Region offers what, and the largest
 * outputs, are of the right kind but UNVERIFIED one by one: AWS changes them often.
 */

export interface FoundationModel {
  readonly modelId: string;
  readonly providerName: string;
  readonly modelName: string;
  /** Regions where the model may be called without an inference profile. */
  readonly onDemandRegions: readonly string[];
  /** Cross-Region inference profiles of this model. */
  readonly geographies: readonly Geography[];
  readonly inputModalities: readonly string[];
  readonly contextWindowTokens: number;
  readonly maxOutputTokens: number;
  readonly promptCaching: boolean;
  /** Whether the tiers `flex` and `priority` exist for it. */
  readonly serviceTiers: boolean;
}

export type Geography = 'us' | 'eu' | 'apac' | 'jp' | 'au' | 'global';

export interface SystemProfile {
  /** For example `us.amazon.nova-lite-v1:0`. */
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly model: FoundationModel;
  readonly geography: Geography;
  /** ARNs of the foundation models it may route to, the calling Region's first. */
  readonly modelArns: readonly string[];
}

const US = ['us-east-1', 'us-west-2', 'us-east-2'];
const EU = ['eu-central-1', 'eu-west-1', 'eu-west-3', 'eu-north-1'];
const JAPAN = ['ap-northeast-1', 'ap-northeast-3'];
const AUSTRALIA = ['ap-southeast-2', 'ap-southeast-4'];
const APAC = ['ap-northeast-1', 'ap-northeast-2', 'ap-northeast-3', 'ap-south-1', 'ap-southeast-1', 'ap-southeast-2'];
const EVERYWHERE = [...new Set([...US, ...EU, ...APAC, ...AUSTRALIA, 'ca-central-1', 'eu-west-2', 'sa-east-1'])];

const REGIONS_OF: Readonly<Record<Geography, readonly string[]>> = {
  us: US,
  eu: EU,
  apac: APAC,
  jp: JAPAN,
  au: AUSTRALIA,
  global: EVERYWHERE,
};

const GEOGRAPHY_NAMES: Readonly<Record<Geography, string>> = {
  us: 'US',
  eu: 'EU',
  apac: 'APAC',
  jp: 'JP',
  au: 'AU',
  global: 'Global',
};

type Traits = Omit<FoundationModel, 'modelId' | 'modelName' | 'providerName'>;

const PLAIN: Traits = {
  onDemandRegions: [],
  geographies: [],
  inputModalities: ['TEXT'],
  contextWindowTokens: 128_000,
  maxOutputTokens: 8_192,
  promptCaching: false,
  serviceTiers: false,
};

const NOVA: Traits = { ...PLAIN, maxOutputTokens: 10_000, promptCaching: true, geographies: ['us', 'eu', 'apac'] };
const NOVA_MULTIMODAL: Traits = { ...NOVA, inputModalities: ['TEXT', 'IMAGE', 'VIDEO'], contextWindowTokens: 300_000 };
const CLAUDE: Traits = {
  ...PLAIN,
  inputModalities: ['TEXT', 'IMAGE'],
  contextWindowTokens: 200_000,
  maxOutputTokens: 64_000,
  promptCaching: true,
};

function model(providerName: string, modelId: string, modelName: string, traits: Traits): FoundationModel {
  return { providerName, modelId, modelName, ...traits };
}

/** Models that answer in text. */
export const FOUNDATION_MODELS: readonly FoundationModel[] = [
  model('Amazon', 'amazon.nova-micro-v1:0', 'Nova Micro', { ...NOVA, onDemandRegions: ['us-east-1'] }),
  model('Amazon', 'amazon.nova-lite-v1:0', 'Nova Lite', {
    ...NOVA_MULTIMODAL,
    onDemandRegions: ['us-east-1', 'ap-northeast-1'],
  }),
  model('Amazon', 'amazon.nova-pro-v1:0', 'Nova Pro', {
    ...NOVA_MULTIMODAL,
    onDemandRegions: ['us-east-1', 'ap-southeast-2'],
    serviceTiers: true,
  }),
  model('Amazon', 'amazon.nova-premier-v1:0', 'Nova Premier', {
    ...NOVA_MULTIMODAL,
    geographies: ['us'],
    contextWindowTokens: 1_000_000,
    maxOutputTokens: 32_000,
    serviceTiers: true,
  }),
  model('Amazon', 'amazon.nova-2-lite-v1:0', 'Nova 2 Lite', {
    ...NOVA_MULTIMODAL,
    geographies: ['us', 'eu', 'jp', 'global'],
    contextWindowTokens: 1_000_000,
    maxOutputTokens: 64_000,
    serviceTiers: true,
  }),
  model('Amazon', 'amazon.titan-text-express-v1', 'Titan Text G1 - Express', {
    ...PLAIN,
    onDemandRegions: ['us-east-1', 'us-west-2', 'eu-central-1', 'ap-northeast-1'],
    contextWindowTokens: 8_000,
    maxOutputTokens: 8_192,
  }),
  model('Anthropic', 'anthropic.claude-3-haiku-20240307-v1:0', 'Claude 3 Haiku', {
    ...CLAUDE,
    onDemandRegions: ['us-east-1', 'us-west-2', 'eu-central-1', 'eu-west-1', 'ap-northeast-1', 'ap-southeast-2'],
    geographies: ['us', 'eu', 'apac'],
    maxOutputTokens: 4_096,
    promptCaching: false,
  }),
  model('Anthropic', 'anthropic.claude-3-5-haiku-20241022-v1:0', 'Claude 3.5 Haiku', {
    ...CLAUDE,
    onDemandRegions: ['us-west-2'],
    geographies: ['us'],
    inputModalities: ['TEXT'],
    maxOutputTokens: 8_192,
  }),
  model('Anthropic', 'anthropic.claude-haiku-4-5-20251001-v1:0', 'Claude Haiku 4.5', {
    ...CLAUDE,
    geographies: ['us', 'eu', 'jp', 'au', 'global'],
  }),
  model('Anthropic', 'anthropic.claude-sonnet-4-20250514-v1:0', 'Claude Sonnet 4', {
    ...CLAUDE,
    geographies: ['us', 'eu', 'apac', 'global'],
  }),
  model('Anthropic', 'anthropic.claude-sonnet-4-5-20250929-v1:0', 'Claude Sonnet 4.5', {
    ...CLAUDE,
    geographies: ['us', 'eu', 'jp', 'au', 'global'],
  }),
  model('Anthropic', 'anthropic.claude-sonnet-4-6', 'Claude Sonnet 4.6', {
    ...CLAUDE,
    geographies: ['us', 'eu', 'jp', 'au', 'global'],
    contextWindowTokens: 1_000_000,
  }),
  model('Anthropic', 'anthropic.claude-opus-4-5-20251101-v1:0', 'Claude Opus 4.5', {
    ...CLAUDE,
    geographies: ['us', 'eu', 'global'],
  }),
  model('Meta', 'meta.llama3-3-70b-instruct-v1:0', 'Llama 3.3 70B Instruct', {
    ...PLAIN,
    onDemandRegions: ['us-east-2'],
    geographies: ['us'],
  }),
  model('Meta', 'meta.llama4-scout-17b-instruct-v1:0', 'Llama 4 Scout 17B Instruct', {
    ...PLAIN,
    geographies: ['us'],
    inputModalities: ['TEXT', 'IMAGE'],
    contextWindowTokens: 10_000_000,
  }),
  model('Meta', 'meta.llama4-maverick-17b-instruct-v1:0', 'Llama 4 Maverick 17B Instruct', {
    ...PLAIN,
    geographies: ['us'],
    inputModalities: ['TEXT', 'IMAGE'],
    contextWindowTokens: 1_000_000,
  }),
  model('Mistral AI', 'mistral.mistral-7b-instruct-v0:2', 'Mistral 7B Instruct', {
    ...PLAIN,
    onDemandRegions: ['us-east-1', 'us-west-2', 'eu-west-1', 'eu-west-3'],
    contextWindowTokens: 32_000,
  }),
  model('Mistral AI', 'mistral.mistral-large-2402-v1:0', 'Mistral Large (24.02)', {
    ...PLAIN,
    onDemandRegions: ['us-east-1', 'us-west-2', 'eu-west-1', 'eu-west-3'],
    contextWindowTokens: 32_000,
  }),
  model('Mistral AI', 'mistral.pixtral-large-2502-v1:0', 'Pixtral Large (25.02)', {
    ...PLAIN,
    geographies: ['us', 'eu'],
    inputModalities: ['TEXT', 'IMAGE'],
  }),
  model('Mistral AI', 'mistral.mistral-large-3-675b-instruct', 'Mistral Large 3', {
    ...PLAIN,
    onDemandRegions: ['us-east-1', 'us-west-2', 'eu-west-1'],
    inputModalities: ['TEXT', 'IMAGE'],
    contextWindowTokens: 256_000,
    serviceTiers: true,
  }),
  model('OpenAI', 'openai.gpt-oss-120b-1:0', 'gpt-oss-120b', {
    ...PLAIN,
    onDemandRegions: ['us-east-1', 'us-west-2', 'eu-west-1', 'eu-north-1', 'ap-northeast-1'],
    maxOutputTokens: 16_384,
    serviceTiers: true,
  }),
  model('OpenAI', 'openai.gpt-oss-20b-1:0', 'gpt-oss-20b', {
    ...PLAIN,
    onDemandRegions: ['us-east-1', 'us-west-2', 'eu-west-1', 'eu-north-1', 'ap-northeast-1'],
    maxOutputTokens: 16_384,
    serviceTiers: true,
  }),
  model('DeepSeek', 'deepseek.r1-v1:0', 'DeepSeek-R1', { ...PLAIN, geographies: ['us'], maxOutputTokens: 32_768 }),
  model('DeepSeek', 'deepseek.v3-v1:0', 'DeepSeek-V3.1', {
    ...PLAIN,
    onDemandRegions: ['us-west-2', 'us-east-2', 'eu-north-1', 'ap-northeast-1'],
    serviceTiers: true,
  }),
  model('Qwen', 'qwen.qwen3-32b-v1:0', 'Qwen3 32B (dense)', {
    ...PLAIN,
    onDemandRegions: ['us-east-1', 'us-west-2', 'eu-west-1', 'ap-northeast-1'],
    contextWindowTokens: 32_000,
    serviceTiers: true,
  }),
];

/** Models that answer in vectors, for InvokeModel alone. */
export const EMBEDDING_MODELS: readonly FoundationModel[] = [
  model('Amazon', 'amazon.titan-embed-text-v2:0', 'Titan Text Embeddings V2', {
    ...PLAIN,
    onDemandRegions: ['us-east-1', 'us-west-2', 'eu-central-1', 'eu-west-1'],
    contextWindowTokens: 8_192,
    maxOutputTokens: 0,
  }),
  model('Cohere', 'cohere.embed-english-v3', 'Embed English', {
    ...PLAIN,
    onDemandRegions: ['us-east-1', 'us-west-2', 'eu-central-1', 'eu-west-1'],
    contextWindowTokens: 49_152,
    maxOutputTokens: 0,
  }),
];

/** The models that exist in a Region, callable there on demand or only through an inference profile. */
export function foundationModelsIn(region: string): readonly FoundationModel[] {
  return [...FOUNDATION_MODELS, ...EMBEDDING_MODELS].filter(
    ({ onDemandRegions, geographies }) =>
      onDemandRegions.includes(region) || geographies.some((geography) => REGIONS_OF[geography].includes(region)),
  );
}

export function findFoundationModel(region: string, modelId: string): FoundationModel | undefined {
  return foundationModelsIn(region).find((one) => one.modelId === modelId);
}

export function foundationModelArn(region: string, modelId: string): string {
  return `arn:aws:bedrock:${region}::foundation-model/${modelId}`;
}

/** The system profiles that may be called from a Region. */
export function systemProfilesIn(region: string): readonly SystemProfile[] {
  return FOUNDATION_MODELS.flatMap((model) =>
    model.geographies
      .filter((geography) => REGIONS_OF[geography].includes(region))
      .map((geography) => systemProfile(model, geography, region)),
  );
}

export function findSystemProfile(region: string, id: string): SystemProfile | undefined {
  return systemProfilesIn(region).find((profile) => profile.id === id);
}

/** A global profile names the calling Region's model and the one without a Region (the latter UNVERIFIED). */
function systemProfile(model: FoundationModel, geography: Geography, region: string): SystemProfile {
  const others = geography === 'global' ? [''] : REGIONS_OF[geography].filter((other) => other !== region);
  const name = `${GEOGRAPHY_NAMES[geography]} ${model.providerName} ${model.modelName}`;
  return {
    id: `${geography}.${model.modelId}`,
    name,
    description: `Routes requests to ${model.providerName} ${model.modelName} in ${GEOGRAPHY_NAMES[geography]} Regions.`,
    model,
    geography,
    modelArns: [region, ...others].map((one) => foundationModelArn(one, model.modelId)),
  };
}

/** The id in the ARN of a system profile of this account and Region. */
export function systemIdOf(arn: string, region: string, accountId: string): string | undefined {
  const prefix = `arn:aws:bedrock:${region}:${accountId}:inference-profile/`;
  return arn.startsWith(prefix) ? arn.slice(prefix.length) : undefined;
}

/** The id in the ARN of a foundation model in this Region. */
export function modelIdOf(arn: string, region: string): string | undefined {
  const prefix = foundationModelArn(region, '');
  return arn.startsWith(prefix) ? arn.slice(prefix.length) : undefined;
}

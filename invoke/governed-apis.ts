import type {
  ConverseCommandInput,
  ConverseCommandOutput,
  ConverseStreamOutput,
  InvokeModelCommandInput,
  InvokeModelCommandOutput,
  InvokeModelWithResponseStreamCommandOutput,
  ResponseStream,
} from '@aws-sdk/client-bedrock-runtime';
import { addChunk, NO_COUNTS, readStreamUsage, type StreamCounts } from '../domain/spending/invoke-stream-usage.ts';
import { type AnswerHeaders, headersTellAll, readInvokeUsage } from '../domain/spending/invoke-usage.ts';
import { type RequestBound, readTier, type ServiceTier } from '../domain/spending/pricing.ts';
import { readReportedUsage, type UsageReading, type UsageTerms } from '../domain/spending/usage.ts';
import { isFree } from './free-commands.ts';
import { boundOf, boundOfInvokeModel } from './request-bound.ts';

/** What an answer says that it used; undefined where it does not say. Unknown is not zero. */
export interface Reading extends UsageReading {
  /** The service tier that served the call, where the answer names it. */
  readonly tier?: ServiceTier;
}

/** The model that a request goes to. */
export interface Model {
  readonly baseModelId: string;
  readonly contextWindow?: number | undefined;
}

/** Reads a streamed answer's usage as its events pass. */
export interface StreamReader {
  saw(event: unknown): void;
  /** After the last event; one that broke off may have told its usage before. */
  usage(): Reading | undefined;
  /** What was certainly used, where {@link usage} is unknown. */
  atLeast(): Reading | undefined;
}

/** How one of the APIs that spend is bounded beforehand and metered afterwards. */
export interface GovernedApi {
  readonly operation: string;
  /** @throws {GovernorRefusal} `Unbounded` or `Unpriced` */
  bound(input: object, model: Model): RequestBound;
  /** Whether a model of another kind can be given the same request. */
  readonly isModelNeutral: boolean;
  /** Reads a whole answer. */
  read?(output: object, headers: AnswerHeaders, terms: UsageTerms): Reading | undefined;
  /** The member of the output that is streamed, and who reads it. */
  readonly stream?: { readonly member: string; reader(terms: UsageTerms, output: object): StreamReader };
}

const withTier = (reading: UsageReading | undefined, tier: string | undefined): Reading | undefined =>
  reading === undefined || tier === undefined ? reading : { ...reading, tier: readTier(tier) };

const converse: GovernedApi = {
  operation: 'Converse',
  bound: (input, { contextWindow }) => boundOf(input as ConverseCommandInput, contextWindow),
  isModelNeutral: true,
  read(output, _, terms) {
    const { usage, serviceTier } = output as ConverseCommandOutput;
    return withTier(readReportedUsage(usage, terms), serviceTier?.type);
  },
};

const converseStream: GovernedApi = {
  operation: 'ConverseStream',
  bound: converse.bound,
  isModelNeutral: true,
  stream: {
    member: 'stream',
    reader(terms) {
      let metadata: ConverseStreamOutput['metadata'];
      return {
        saw(event) {
          const told = (event as ConverseStreamOutput).metadata;
          // Should more of it come, nothing that was told is forgotten.
          if (metadata === undefined || told?.usage !== undefined) metadata = told ?? metadata;
        },
        usage: () => withTier(readReportedUsage(metadata?.usage, terms), metadata?.serviceTier?.type),
        // The metadata comes last, and tells all at once.
        atLeast: () => undefined,
      };
    },
  },
};

const invokeModel: GovernedApi = {
  operation: 'InvokeModel',
  bound: (input, model) => boundOfInvokeModel(input as InvokeModelCommandInput, model),
  isModelNeutral: false,
  read(output, headers, terms) {
    const { body, serviceTier } = output as InvokeModelCommandOutput;
    const answer = { headers, ...(headersTellAll(headers, () => mentionsCache(body)) ? {} : { body: parsed(body) }) };
    return withTier(readInvokeUsage(answer, terms), serviceTier);
  },
};

const invokeModelStream: GovernedApi = {
  operation: 'InvokeModelWithResponseStream',
  bound: invokeModel.bound,
  isModelNeutral: false,
  stream: {
    member: 'body',
    reader(terms, output) {
      const { serviceTier } = output as InvokeModelWithResponseStreamCommandOutput;
      const chunks = new TellingChunks();
      return {
        saw(event) {
          const bytes = (event as ResponseStream).chunk?.bytes;
          if (bytes !== undefined) chunks.saw(bytes);
        },
        usage: () => withTier(readStreamUsage(chunks.counts, terms), serviceTier),
        // What the model had read was billed; how much it had written is not known.
        atLeast: () => withTier(readReportedUsage({ ...chunks.counts.said, outputTokens: 0 }, terms), serviceTier),
      };
    },
  },
};

const GOVERNED: ReadonlyMap<string, CommandKind> = new Map([
  ['ConverseCommand', { kind: 'governed', api: converse }],
  ['ConverseStreamCommand', { kind: 'governed', api: converseStream }],
  ['InvokeModelCommand', { kind: 'governed', api: invokeModel }],
  ['InvokeModelWithResponseStreamCommand', { kind: 'governed', api: invokeModelStream }],
]);

/** What a command is to the governor. */
export type CommandKind =
  | { readonly kind: 'governed'; readonly api: GovernedApi }
  /** It spends, or may: nobody here can say how much. */
  | { readonly kind: 'unmetered' }
  | { readonly kind: 'free' };

export const kindOf = (commandName: string, input: object): CommandKind =>
  GOVERNED.get(commandName) ?? (isFree(commandName, input) ? { kind: 'free' } : { kind: 'unmetered' });

/** Without a look at its JSON: most bodies are long, and have nothing to add to the headers. All vendors' names hold the word. */
const mentionsCache = (body: Uint8Array | undefined): boolean =>
  body !== undefined && Buffer.from(body.buffer, body.byteOffset, body.byteLength).includes('cache');

/**
 * The chunks of a stream in which usage is told: what the model has read stands in the first, the rest in the last ones.
 * Kept as they are and read at the end, so that passing a chunk on costs next to nothing.
 */
class TellingChunks {
  #first: Uint8Array | undefined;
  #last: readonly (Uint8Array | undefined)[] = [];

  saw(bytes: Uint8Array): void {
    this.#first ??= bytes;
    this.#last = [this.#last[1], this.#last[2], bytes];
  }

  get counts(): StreamCounts {
    const chunks = [this.#first, ...this.#last].filter((bytes) => bytes !== undefined);
    return chunks.reduce((counts, bytes) => addChunk(counts, parsed(bytes)), NO_COUNTS);
  }
}

/** The SDK's body is bytes with a way to text of their own. */
function parsed(body: Uint8Array | undefined): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

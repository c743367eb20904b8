import type { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import type { HandlerExecutionContext } from '@smithy/types';
import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import type { GovernorPlugin } from './plugin.ts';

/** Makes the client for a Region. Called once for each. */
export type ClientForRegion = (region: string) => BedrockRuntimeClient | Promise<BedrockRuntimeClient>;

/** Nothing was sent: the profile lives in another Region than the client, which an SDK client never leaves by itself. */
export class OtherRegion extends Error {
  constructor(region: string) {
    super(`The profile lives in ${region}, and no client for that Region was made: see "clients" of the governor.`);
  }
}

/** The Region that a request is signed for, or that its host names; undefined where neither tells. */
export function regionOfClient(context: HandlerExecutionContext): string | undefined {
  const scheme = context.__smithy_context?.['selectedHttpAuthScheme'] as
    | { httpAuthOption?: { signingProperties?: { region?: unknown } } }
    | undefined;
  const signed = scheme?.httpAuthOption?.signingProperties?.region;
  if (typeof signed === 'string') return signed;
  const host = (context.endpointV2 as { url?: URL } | undefined)?.url?.hostname ?? '';
  return /^bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/.exec(host)?.[1];
}

/** Clients for the Regions of profiles that the caller's own client cannot reach. */
export class RegionalClients {
  readonly #make: ClientForRegion;
  readonly #clients = new Map<string, Promise<BedrockRuntimeClient>>();

  constructor(make: ClientForRegion) {
    this.#make = make;
  }

  /** Sends the same command in the profile's Region, where the plugin governs it. */
  async send(
    plugin: GovernorPlugin,
    { arn, region }: IndexEntry,
    context: HandlerExecutionContext,
    input: object,
    abortSignal: AbortSignal | undefined,
  ): Promise<{ output: object; response: unknown }> {
    let client = this.#clients.get(region);
    if (client === undefined) {
      client = Promise.resolve(this.#make(region));
      this.#clients.set(region, client);
      // What could not be made is made anew the next time.
      client.catch(() => this.#clients.delete(region));
    }
    const command = commandLike(context, { ...input, modelId: arn });
    command.middlewareStack.use(plugin);
    const output = await (await client).send(command, abortSignal === undefined ? {} : { abortSignal });
    return { output, response: undefined };
  }
}

type AnyCommand = Parameters<BedrockRuntimeClient['send']>[0];

/** A command of the same kind as the one under way. */
function commandLike(context: HandlerExecutionContext, input: object): AnyCommand {
  const instance = context.__smithy_context?.['commandInstance'] as AnyCommand;
  const Command = instance.constructor as new (input: object) => AnyCommand;
  return new Command(input);
}

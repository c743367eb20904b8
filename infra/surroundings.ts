import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { type Machine, thisMachine } from '../aws/machine.ts';
import type { Measured } from '../aws/powertools-journal.ts';

/** What a function writes its log and metrics with. */
export interface Voice {
  readonly logger: Pick<Logger, 'addContext' | 'info' | 'warn' | 'error'>;
  readonly metrics: Measured & Pick<Metrics, 'hasStoredMetrics'> & { publishStoredMetrics(): unknown };
}

/**
 * All that a function finds around itself. In Lambda that is Lambda and AWS; the simulation of docs/testing.md has others,
 * and everything above is the same.
 */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Makes a client of AWS's services, in the Region of the function where none is named. Who needs a client brings its class. */
  readonly client: <Client>(Class: new (config: { readonly region?: string }) => Client, region?: string) => Client;
  readonly machine: Machine;
  readonly voice: (stage: string) => Voice;
}

/** Those of the process, with another environment where one is given. */
export const inLambda = (environment: Surroundings['environment'] = process.env): Surroundings => ({
  environment,
  client: (Class, region) => new Class(region === undefined ? {} : { region }),
  machine: thisMachine,
  voice: (stage) => ({ logger: new Logger(), metrics: new Metrics({ defaultDimensions: { stage } }) }),
});

import {
  type BedrockClient,
  GetInferenceProfileCommand,
  type InferenceProfileSummary,
  ListTagsForResourceCommand,
  paginateListInferenceProfiles,
  ResourceNotFoundException,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-bedrock';
import { geographyOf } from '../domain/profiles/geography.ts';
import { type ProfileArn, parseProfileArn, regionOf } from '../domain/profiles/profile-arn.ts';
import type { ProfileSource } from '../domain/profiles/profile-index.ts';
import { type ProfileFacts, type Profiles, UNKNOWN_MODEL } from '../domain/profiles/profiles.ts';
import { asking } from './asking.ts';
import type { Pace } from './pace.ts';

/** Application inference profiles, each read and tagged in the Region of its ARN, at the pace of that Region. */
export function bedrockProfiles(
  clientFor: (region: string) => BedrockClient,
  paceFor?: (region: string) => Pace,
): Profiles {
  const client = (arn: ProfileArn) => clientFor(regionOf(arn));
  const paced = async <Answer>(arn: ProfileArn, ask: () => Promise<Answer>): Promise<Answer> =>
    await (paceFor === undefined ? ask() : paceFor(regionOf(arn)).keep(ask));
  return {
    async read(arn) {
      return await asking(`reading profile ${arn}`, async () => {
        try {
          const command = new GetInferenceProfileCommand({ inferenceProfileIdentifier: arn });
          return factsOf(arn, await paced(arn, () => client(arn).send(command)));
        } catch (error) {
          if (error instanceof ResourceNotFoundException) return undefined;
          throw error;
        }
      });
    },

    async readTags(arn) {
      const answer = await asking(`reading the tags of ${arn}`, () =>
        paced(arn, () => client(arn).send(new ListTagsForResourceCommand({ resourceARN: arn }))),
      );
      return Object.fromEntries((answer.tags ?? []).map(({ key, value }) => [key ?? '', value ?? '']));
    },

    async tag(arn, tags) {
      const list = Object.entries(tags).map(([key, value]) => ({ key, value }));
      const command = new TagResourceCommand({ resourceARN: arn, tags: list });
      await asking(`tagging ${arn}`, () => paced(arn, () => client(arn).send(command)));
    },

    async untag(arn, keys) {
      await asking(`removing tags of ${arn}`, () =>
        paced(arn, () => client(arn).send(new UntagResourceCommand({ resourceARN: arn, tagKeys: [...keys] }))),
      );
    },

    async *list(region) {
      const pages = paginateListInferenceProfiles(
        { client: clientFor(region) },
        { typeEquals: 'APPLICATION', maxResults: 1000 },
      );
      const iterator = pages[Symbol.asyncIterator]();
      for (;;) {
        const page = await asking(`listing the profiles of ${region}`, () => iterator.next());
        if (page.done === true) return;
        for (const summary of page.value.inferenceProfileSummaries ?? []) {
          const arn = parseProfileArn(summary.inferenceProfileArn ?? '');
          if (arn !== undefined) yield factsOf(arn, summary);
        }
      }
    },
  };
}

const MODEL_ARN = /^arn:aws[a-z-]*:bedrock:([a-z0-9-]*):[0-9]*:foundation-model\/(.+)$/;

/**
 * AWS does not say what a profile was copied from; its model ARNs tell. One without a Region: from a global profile
 * (UNVERIFIED). In several Regions: from a geographic one. In one: from the foundation model.
 */
function factsOf(
  arn: ProfileArn,
  { inferenceProfileName: name, models: told = [] }: Pick<InferenceProfileSummary, 'inferenceProfileName' | 'models'>,
): ProfileFacts {
  const models = told.flatMap(({ modelArn = '' }) => {
    const match = MODEL_ARN.exec(modelArn);
    return match === null ? [] : [{ region: match[1] ?? '', id: match[2] ?? '' }];
  });
  const source: ProfileSource = models.some((model) => model.region === '')
    ? 'global'
    : new Set(models.map((model) => model.region)).size > 1
      ? 'geo'
      : 'in-region';
  const geography = source === 'geo' ? geographyOf(models.map((model) => model.region)) : undefined;
  return {
    arn,
    name: name ?? '',
    baseModelId: models[0]?.id ?? UNKNOWN_MODEL,
    source,
    ...(geography === undefined ? {} : { geography }),
  };
}

import { GetResourcesCommand, type ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import type { TaggedResources } from '../domain/resources/assess-resources.ts';
import { parseResourceArn } from '../domain/resources/resource-arn.ts';
import { asking } from './asking.ts';
import type { Pace } from './pace.ts';

/** The most that a page of GetResources holds. */
const PAGE = 100;

/**
 * What Bedrock has besides application inference profiles, with its tags, from Resource Groups Tagging: provisioned
 * throughput, custom models, agents, knowledge bases, prompts, flows, batch jobs and whatever type comes next. It is
 * asked for all types of the service (`ResourceTypeFilters`, API reference), so that none need be named here.
 *
 * The tagging API shows no resource that was never tagged, and follows a change after a delay. A list whose token expires
 * between two pages is a fault: the next sweep begins it anew.
 */
export function taggedResources(
  clientFor: (region: string) => ResourceGroupsTaggingAPIClient,
  pace?: Pace,
): TaggedResources {
  const paced = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> =>
    await (pace === undefined ? ask() : pace.keep(ask));
  return {
    async *list(region) {
      let token: string | undefined;
      // A page may be short, or empty, while a token follows.
      do {
        const PaginationToken = token;
        const page = await asking(`reading the tags of the Bedrock resources of ${region}`, () =>
          paced(() =>
            clientFor(region).send(
              new GetResourcesCommand({
                ResourceTypeFilters: ['bedrock'],
                ResourcesPerPage: PAGE,
                ...(PaginationToken === undefined ? {} : { PaginationToken }),
              }),
            ),
          ),
        );
        for (const { ResourceARN = '', Tags = [] } of page.ResourceTagMappingList ?? []) {
          const resource = parseResourceArn(ResourceARN);
          if (resource !== undefined)
            yield { ...resource, tags: Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value])) };
        }
        token = page.PaginationToken === '' ? undefined : page.PaginationToken;
      } while (token !== undefined);
    },
  };
}

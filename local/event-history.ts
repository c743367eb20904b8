import { isObject, membersOf } from './members.ts';
import { AwsFault, type JsonObject, type Service, type World } from './service.ts';
import { trailOperations } from './trails.ts';

const KEPT_MS = 90 * 86_400_000;
const MAX_PAGE = 50;
const MAX_VALUE = 2_000;
const ATTRIBUTES = new Set(['EventName', 'ResourceName', 'EventSource', 'EventId']);

interface Recorded {
  readonly region: string;
  readonly at: number;
  readonly detail: JsonObject;
}

const invalid = (message: string): AwsFault => new AwsFault('InvalidLookupAttributesException', message);

/** CloudTrail's event history: the management events of the last 90 days, by Region, the latest first. */
export class EventHistory {
  readonly #world: World;
  readonly #delayMs: number;
  readonly #recorded: Recorded[] = [];

  /** @param delayMs from a call until it can be looked up. AWS gives no bound; minutes are usual */
  constructor(world: World, delayMs: number) {
    this.#world = world;
    this.#delayMs = delayMs;
    this.service = this.#makeService();
  }

  add(region: string, at: number, detail: JsonObject): void {
    this.#recorded.push({ region, at, detail });
  }

  readonly service: Service;

  #makeService(): Service {
    return {
      signingName: 'cloudtrail',
      protocol: { kind: 'json', targetPrefix: 'CloudTrail_20131101', version: '1.1' },
      operations: {
        ...trailOperations(this.#world),
        LookupEvents: (input, { region }) => {
          const read = membersOf(input, invalid);
          const attributes = read.objects('LookupAttributes');
          // "Currently the list can contain only one item" [API reference, LookupEvents]
          if (attributes.length > 1) throw invalid('You can provide at most one lookup attribute.');
          const now = this.#world.clock.now();
          const found = this.#recorded
            .filter((one) => one.region === region && one.at <= now - this.#delayMs && one.at > now - KEPT_MS)
            .filter((one) => attributes.every((attribute) => hasAttribute(one, attribute)))
            .toReversed();
          const limit = read.optionalNumber('MaxResults') ?? MAX_PAGE;
          if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE)
            throw new AwsFault('InvalidMaxResultsException', `MaxResults must be between 1 and ${MAX_PAGE}.`);
          const start = Number(read.optionalString('NextToken') ?? 0);
          return {
            Events: found.slice(start, start + limit).map(shown),
            ...(start + limit < found.length ? { NextToken: String(start + limit) } : {}),
          };
        },
      },
    };
  }
}

function hasAttribute({ detail }: Recorded, attribute: JsonObject): boolean {
  const { AttributeKey: key, AttributeValue: value } = attribute;
  if (typeof key !== 'string' || !ATTRIBUTES.has(key)) throw invalid(`The attribute ${String(key)} is not embedded.`);
  if (typeof value !== 'string' || value === '' || value.length > MAX_VALUE)
    throw invalid(`The value of ${key} must have 1 to ${MAX_VALUE} characters.`);
  if (key === 'EventName') return detail['eventName'] === value;
  if (key === 'EventSource') return detail['eventSource'] === value;
  if (key === 'EventId') return detail['eventID'] === value;
  return resourcesOf(detail).includes(value);
}

/** UNVERIFIED: which resources the event of a profile's call bears. */
function resourcesOf(detail: JsonObject): string[] {
  const { requestParameters, responseElements } = detail;
  return [requestParameters, responseElements].filter(isObject).flatMap((part) =>
    ['inferenceProfileArn', 'inferenceProfileIdentifier', 'resourceARN'].flatMap((name) => {
      const value = part[name];
      return typeof value === 'string' ? [value] : [];
    }),
  );
}

const shown = ({ at, detail }: Recorded): JsonObject => ({
  EventId: detail['eventID'],
  EventName: detail['eventName'],
  EventSource: detail['eventSource'],
  EventTime: at / 1_000,
  ReadOnly: 'false',
  Resources: resourcesOf(detail).map((ResourceName) => ({ ResourceName })),
  CloudTrailEvent: JSON.stringify(detail),
});

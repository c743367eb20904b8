/** What is written of an event. Apart from the schemas, which who only writes does not need. */
import type { GovernorEvent } from './governor-event.ts';

/** The `Source` of every event that the governor puts on its bus. */
export const EVENT_SOURCE = 'governor';

/** The detail as subscribers get it. */
export const detailOf = ({ id, detail: own }: GovernorEvent): Readonly<Record<string, unknown>> => ({
  version: 1,
  id,
  ...own,
});

export const serialiseEvent = (event: GovernorEvent): string =>
  JSON.stringify({ type: event.type, detail: detailOf(event) });

import * as z from 'zod';
import { EVENT_TYPES, EVENTS } from './governor-event.ts';

/** `docs/events/<file name>` with its contents: a JSON Schema of each detail. */
export function eventSchemas(): Readonly<Record<string, object>> {
  return Object.fromEntries(
    EVENT_TYPES.map((type) => [`${type}.v1.json`, { ...z.toJSONSchema(EVENTS[type], { io: 'input' }), title: type }]),
  );
}

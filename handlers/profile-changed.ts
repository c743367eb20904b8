import { readProfileEvent, timeOfEvent } from '../domain/profiles/profile-event.ts';
import { hearing } from '../infra/functions/governing.ts';
import { handlerOf } from '../infra/handler-of.ts';

/** A profile was created, deleted or retagged: EventBridge says which, and it is governed as it is now. */
export const handler = handlerOf(hearing, async (event: unknown, governor) => {
  const seen = readProfileEvent(event, governor.origins);
  if (seen.kind !== 'profile') {
    governor.journal.counted(seen.kind === 'unreadable' ? 'EventUnreadable' : 'EventIgnored', { why: seen.why });
    return seen;
  }
  const outcome = await governor.ears.hear(seen.arn, timeOfEvent(event));
  return { kind: outcome.kind, profile: seen.arn };
});

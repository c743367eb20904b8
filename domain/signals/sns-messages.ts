import * as z from 'zod';

const SnsEvent = z.object({
  Records: z.array(
    z
      .object({ Sns: z.object({ Message: z.string().max(300_000) }) })
      .nullable()
      .catch(null),
  ),
});

/** The messages of an event that SNS made, undefined in place of one that is none; undefined where SNS made no such event. */
export function snsMessages(event: unknown): readonly (string | undefined)[] | undefined {
  const parsed = SnsEvent.safeParse(event);
  return parsed.success ? parsed.data.Records.map((record) => record?.Sns.Message) : undefined;
}

/** JSON of somebody else; undefined where it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

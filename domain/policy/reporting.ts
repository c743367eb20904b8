import * as z from 'zod';
import { expected, section } from './schema.ts';

/** What the governor listens to beside the ledger, and what it reports of itself. */

const ALARM = 'the name of a CloudWatch alarm, of at most 255 characters';
/** Source: CloudWatch API reference, PutMetricAlarm, `AlarmName`. */
const AlarmName = z.string(expected(ALARM)).min(1, `expected ${ALARM}`).max(255, `expected ${ALARM}`);

/** CloudWatch alarms that say which budget to look at; those that carry a budget's own name need no entry. */
export const Alarms = z.record(
  AlarmName,
  z.string(expected('the id of a budget such as "tenant-monthly/acme"')),
  expected('alarm names with budget ids, such as { acme-tokens: tenant-monthly/acme }'),
);

const DAYS = 'a whole number of days from 1 to 3650';

export const Audit = section('the audit settings', {
  /** How long a record of a decision is kept. */
  retentionDays: z.int(expected(DAYS)).min(1, `expected ${DAYS}`).max(3_650, `expected ${DAYS}`).default(400),
});

const TIME = '"off" or a time of day such as "07:00", in the policy\'s time zone';

/** From when on the day's digest is sent; it comes within the hour. */
export const Digest = z
  .union([z.literal('off'), z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, `expected ${TIME}`)], expected(TIME))
  .default('07:00');

import * as z from 'zod';
import { DENIALS } from './denial.ts';
import { ledgerItem } from './item-document.ts';
import { PROTOCOL } from './lease-protocol.ts';

const protocol = z.literal(PROTOCOL);
const item = ledgerItem.nullable();

/** What the `lease` function answers, as a tenant's process reads it. */
export const LeaseAnswer = z.discriminatedUnion('kind', [
  z.object({ protocol, kind: z.literal('item'), item }),
  z.object({ protocol, kind: z.literal('landed'), item }),
  z.object({
    protocol,
    kind: z.literal('refused'),
    why: z.enum(['not-provisioned', 'lease-lost', 'terms-changed', 'over-ceiling', 'period-not-begun']),
    item,
  }),
  z.object({
    protocol,
    kind: z.literal('recorded'),
    /** Profiles of the record whose totals are not the caller's to tell, for good: the others' are recorded. */
    leftOut: z.array(z.string()).exactOptional(),
  }),
  z.object({ protocol, kind: z.literal('denied'), code: z.enum(DENIALS), message: z.string() }),
]);
export type LeaseAnswer = z.output<typeof LeaseAnswer>;

/** The table is there, and nothing may be decided on what is in it: whoever runs the governor has something to do first. */
const WITHHELD = ['NewerSchema', 'TableRestored'] as const;
export type Withheld = (typeof WITHHELD)[number];

/** Why the function does nothing of what it was asked. Nothing has landed then. */
export const DENIALS = [
  /** AWS does not say that this is a caller whom the policy names. */
  'CallerUnknown',
  'RequestInvalid',
  /** No profile of the caller is covered by this budget, or there is none of this name. */
  'BudgetNotYours',
  /** Older versions of the function refuse a whole usage record so; this one takes what is the caller's of it. */
  'ProfileNotYours',
  /** More was spent beyond the lease than calls in flight can have, on a budget that others share. */
  'ReportTooLarge',
  'TooManyHolders',
  'HourOutOfReach',
  ...WITHHELD,
] as const;
export type Denial = (typeof DENIALS)[number];

/** Denials of what a write says: had it landed before, it would be said to have landed. */
const OF_CONTENT: readonly string[] = ['RequestInvalid', 'ReportTooLarge'] satisfies Denial[];

/** Whether a write that is denied so has certainly not landed, also where an earlier copy of it was sent. */
export const neverLanded = (code: string): boolean => OF_CONTENT.includes(code);

/** Whether a usage record that is denied so is denied at every try, whatever comes after it. */
export const neverRecorded = (code: string): boolean => code === 'ProfileNotYours' || code === 'RequestInvalid';

export const isWithheld = (code: string): code is Withheld => WITHHELD.some((withheld) => withheld === code);

export const isDenial = (code: string): boolean => DENIALS.some((denial) => denial === code);

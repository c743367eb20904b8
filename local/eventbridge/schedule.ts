/** When something is due, in epoch milliseconds. */
export interface Schedule {
  /** The first due time after `after`; undefined if there is none any more. */
  next(after: number): number | undefined;
  /** The last due time in (`after`, `until`]; undefined if there is none. */
  last(after: number, until: number): number | undefined;
}

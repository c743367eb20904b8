import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** An item as DynamoDB keeps it. Never changed in place: a write makes a new one. */
export type Item = Readonly<Record<string, AttributeValue>>;

export const textOf = (value: AttributeValue | undefined): string => value?.S ?? '';

/** Compares values of one type as DynamoDB sorts them; undefined where they cannot be compared. */
export function compare(a: AttributeValue | undefined, b: AttributeValue | undefined): number | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a.N !== undefined && b.N !== undefined) return compareNumbers(a.N, b.N);
  if (a.S !== undefined && b.S !== undefined) return a.S < b.S ? -1 : a.S > b.S ? 1 : 0;
  return undefined;
}

function compareNumbers(a: string, b: string): number {
  if (a === b) return 0;
  // Below 16 digits a double is exact, and far faster.
  if (a.length < 16 && b.length < 16) return Number(a) - Number(b);
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function isEqual(a: AttributeValue | undefined, b: AttributeValue | undefined): boolean {
  const order = compare(a, b);
  if (order !== undefined) return order === 0;
  if (a === undefined || b === undefined) return false;
  if (a.BOOL !== undefined || b.BOOL !== undefined) return a.BOOL === b.BOOL;
  return false;
}

/** Integers only: the governor writes no others. */
export function sum(a: string, b: string, sign: 1 | -1): string {
  if (a.length < 15 && b.length < 15) return String(Number(a) + sign * Number(b));
  return String(sign === 1 ? BigInt(a) + BigInt(b) : BigInt(a) - BigInt(b));
}

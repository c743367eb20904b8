/**
 * Loads AWS's client for the table, ahead of all that uses it. The published helper has another file in the place of this
 * one, which does the same in half of the time: infra/publish/table-sdk.ts.
 */
export async function loadTableSdk(): Promise<void> {
  await import('@aws-sdk/client-dynamodb');
}

import type { Standing } from '../standing/standing.ts';
import type { IndexEntry } from './profile-index.ts';

/**
 * An entry as helpers need it, without what they do not: who created it, and how much has been spent of which budget is not told to
 * everybody who may know a profile. That money stops at its limit is the ledger's to say.
 */
export function entryForHelpers({ creation: _, ...entry }: IndexEntry): IndexEntry {
  return { ...entry, standing: withoutAmounts(entry.standing) };
}

const withoutAmounts = (standing: Standing): Standing =>
  standing.state === 'open'
    ? standing
    : { state: standing.state, reasons: standing.reasons.filter((reason) => reason.kind === 'quarantine') };

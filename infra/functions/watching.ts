import { powertoolsGauges } from '../../aws/powertools-journal.ts';
import { governor } from '../composition.ts';

/** The adapters of the function `ledger-watch`. */
export function watching() {
  const base = governor();
  const gauges = powertoolsGauges(base.metrics);
  return { ...base, start: async () => ({ ...(await base.start()), gauges }) };
}

import { displayUsd, nanoUsd } from '../../domain/money.ts';
import { figure, median, note } from '../figures.ts';
import { compareWithBill } from './bill.ts';
import { BYPASS_BOUND_MS, bypassReactions } from './bypass.ts';
import { DISABLE_BOUND_MS, disableReactions } from './disable.ts';
import { spendToTheLimit } from './limit.ts';
import { noticesTold, type Told } from './notices.ts';
import { reopenings } from './reopen.ts';

export const PARTS = ['limit', 'disable', 'reopen', 'bypass', 'notices', 'bill'] as const;

/** How soon what is decided is felt, and whether what the ledger says is what AWS bills. */
export async function run(full: boolean, only?: string): Promise<void> {
  const parts: Record<(typeof PARTS)[number], (full: boolean) => Promise<void>> = {
    limit,
    disable,
    reopen,
    bypass,
    notices,
    bill,
  };
  for (const part of PARTS) if (only === undefined || only === part) await parts[part](full);
}

const seconds = (ms: number): number => ms / 1_000;

async function limit(full: boolean): Promise<void> {
  let past = 0;
  for (let seed = 1; seed <= (full ? 10 : 2); seed++) {
    const { callsPastLimit, reached } = await spendToTheLimit(seed);
    past += callsPastLimit;
    note(`limit, seed ${seed}: ${reached} of 20 tenants came to their limit to the nano-dollar`);
  }
  figure('calls_past_limit', past, { atMost: 0 });
}

async function disable(full: boolean): Promise<void> {
  const heard: number[] = [];
  const unheard: number[] = [];
  for (let seed = 1; seed <= (full ? 10 : 1); seed++) {
    heard.push(...(await disableReactions(seed, true)));
    unheard.push(...(await disableReactions(seed + 100, false)));
  }
  note(
    `disable, where processes hear of terms: median ${seconds(median(heard))} s, worst ${seconds(Math.max(...heard))} s`,
  );
  note(
    `disable, where they learn at their next renewal: median ${seconds(median(unheard))} s, worst ${seconds(Math.max(...unheard))} s`,
  );
  figure('disable_seconds_median', seconds(median(heard)), { atMost: 6 });
  figure('disable_reaction_ratio', Math.max(...heard, ...unheard) / DISABLE_BOUND_MS, { atMost: 1 });
}

async function reopen(full: boolean): Promise<void> {
  const all: number[] = [];
  for (let seed = 1; seed <= (full ? 5 : 1); seed++) all.push(...(await reopenings(seed)));
  const sorted = all.sort((a, b) => a - b);
  const at = (share: number) => seconds(sorted[Math.ceil(sorted.length * share) - 1] ?? 0);
  note(`reopen: median ${at(0.5)} s, worst ${at(1)} s`);
  figure('reopen_seconds_p95', at(0.95), { atMost: 300 });
}

async function bypass(full: boolean): Promise<void> {
  const all: number[] = [];
  for (let seed = 1; seed <= (full ? 10 : 2); seed++) all.push(...(await bypassReactions(seed)));
  note(`bypass: median ${seconds(median(all))} s, worst ${seconds(Math.max(...all))} s`);
  figure('bypass_reaction_ratio', Math.max(...all) / BYPASS_BOUND_MS, { atMost: 1 });
}

async function notices(full: boolean): Promise<void> {
  const told: Told[] = [];
  for (let seed = 1; seed <= (full ? 5 : 1); seed++) told.push(await noticesTold(seed));
  note(`notices: ${told.reduce((sum, { occasions }) => sum + occasions, 0)} occasions`);
  figure('notices_min', Math.min(...told.map(({ fewest }) => fewest)), { atLeast: 1, atMost: 1 });
  figure('notices_max', Math.max(...told.map(({ most }) => most)), { atLeast: 1, atMost: 1 });
}
async function bill(full: boolean): Promise<void> {
  const compared = await compareWithBill(1_000, full ? 20 : 4);
  const { calls, tenants, lost, bypassed, billedNanoUsd, excessNanoUsd } = compared;
  note(
    `bill: ${calls} calls of ${tenants} tenants in a month, ${lost} of them lost with killed servers, ${bypassed} round the helper; ${displayUsd(nanoUsd(billedNanoUsd))} billed, ${displayUsd(nanoUsd(excessNanoUsd))} more in the ledger`,
  );
  figure('bill_error_nanousd', Number(compared.errorNanoUsd), { atMost: 0 });
  figure('bill_undercount_nanousd', Number(compared.undercountNanoUsd), { atMost: 0 });
  figure('bill_excess_share', Number(excessNanoUsd) / Number(billedNanoUsd), { atMost: 0.001 });
}

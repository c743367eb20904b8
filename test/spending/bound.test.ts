import { describe, expect, it } from 'vitest';
import { isConserved, spent } from '../../domain/spending/ledger.ts';
import { callCost } from '../../domain/spending/pricing.ts';
import { Fleet } from './fleet.ts';

/** The bound of docs/ledger.md, met by processes that do their worst: every call costs all that it can. */

const CALL = callCost(1_000);
const STOP_AT = 40 * CALL;
const EXTRA = 3 * CALL;
const NANO_DOLLAR = callCost(1);
/** What calls usually cost, far less than they may. */
const USUAL = callCost(100);
const MAX_EXPOSURE = 5 * (CALL - USUAL);

/** The table comes back; then the ledger knows all that was billed. */
async function expectTruthAfterwards(fleet: Fleet): Promise<void> {
  await fleet.endOutage();
  await fleet.flush();
  const { item } = fleet;
  expect(isConserved(item)).toBe(true);
  expect([Number(item.settled), item.leased, item.unconfirmed]).toEqual([fleet.billed, 0n, 0n]);
}

describe('the bound, where the policy adds something for outages', () => {
  it('is reached to the nano-dollar by processes side by side, and never passed', async () => {
    const fleet = new Fleet(STOP_AT, EXTRA);
    const processes = [fleet.start(), fleet.start(), fleet.start()];
    for (const process of processes) expect(await process.call(CALL)).toBe(true);
    // The first one takes what the ledger has left: then all of it is spent or leased.
    await processes[0]?.spendAll(CALL);
    await fleet.beginOutage();
    for (const process of processes) await process.spendAll(CALL);
    expect(fleet.billed).toBe(STOP_AT + 3 * EXTRA);
    for (const process of processes) expect(await process.call(NANO_DOLLAR)).toBe(false);
    await expectTruthAfterwards(fleet);
    expect(fleet.billed).toBe(STOP_AT + 3 * EXTRA);
  });

  it('is reached by processes that start one after the other, and die with what they know', async () => {
    const fleet = new Fleet(STOP_AT, EXTRA);
    const starts = 4;
    for (let start = 1; start <= starts; start++) {
      const process = fleet.start();
      expect(await process.call(CALL)).toBe(true);
      if (start === starts) await process.spendAll(CALL);
      await fleet.beginOutage();
      await process.spendAll(CALL);
      expect(await process.call(NANO_DOLLAR)).toBe(false);
      process.crash();
      await fleet.endOutage();
    }
    expect(fleet.billed).toBe(STOP_AT + starts * EXTRA);
    // What they spent beyond their leases only AWS's bill can tell; their leases count as spent.
    await fleet.reclaim();
    expect(Number(spent(fleet.item))).toBe(STOP_AT);
    expect(await fleet.start().call(NANO_DOLLAR)).toBe(false);
  });

  it('is as far away as the last process where those before it could tell what they spent', async () => {
    const fleet = new Fleet(STOP_AT, EXTRA);
    for (let start = 0; start < 5; start++) {
      const process = fleet.start();
      await process.spendAll(CALL);
      await fleet.beginOutage();
      await process.spendAll(CALL);
      await fleet.endOutage();
      await fleet.flush();
      process.crash();
    }
    expect(fleet.billed).toBe(STOP_AT + EXTRA);
    await expectTruthAfterwards(fleet);
  });

  it('counts the extra of a process once, however many outages it lives through', async () => {
    const fleet = new Fleet(STOP_AT, EXTRA);
    const process = fleet.start();
    await process.spendAll(CALL);
    for (let outage = 0; outage < 3; outage++) {
      await fleet.beginOutage();
      await process.spendAll(CALL);
      await expectTruthAfterwards(fleet);
    }
    expect(fleet.billed).toBe(STOP_AT + EXTRA);
  });

  it('gives back to the extra what calls beyond the lease did not cost', async () => {
    const fleet = new Fleet(STOP_AT, EXTRA);
    const process = fleet.start();
    await process.spendAll(CALL);
    await fleet.beginOutage();
    for (let call = 0; call < 20; call++) expect(await process.call(CALL, USUAL)).toBe(true);
    await process.spendAll(CALL);
    await process.spendAll(NANO_DOLLAR);
    expect(fleet.billed).toBe(STOP_AT + EXTRA);
    await expectTruthAfterwards(fleet);
  });

  it('holds for calls in flight together: what they may cost, and not what they do', async () => {
    const fleet = new Fleet(STOP_AT, EXTRA);
    const process = fleet.start();
    await process.spendAll(CALL);
    await fleet.beginOutage();
    const inFlight = [await process.begin(CALL), await process.begin(CALL), await process.begin(CALL)];
    expect(await process.begin(NANO_DOLLAR)).toBeUndefined();
    for (const call of inFlight) call?.end(CALL);
    expect(await process.call(NANO_DOLLAR)).toBe(false);
    expect(fleet.billed).toBe(STOP_AT + EXTRA);
    await expectTruthAfterwards(fleet);
  });
});

describe('a process start that never had a grant', () => {
  it('gets nothing in an outage', async () => {
    const fleet = new Fleet(STOP_AT, EXTRA);
    await fleet.beginOutage();
    for (let start = 0; start < 3; start++) expect(await fleet.start().call(NANO_DOLLAR)).toBe(false);
    expect(fleet.billed).toBe(0);
  });

  it('gets nothing in an outage either where the ledger has refused it before', async () => {
    const fleet = new Fleet(STOP_AT, EXTRA);
    await fleet.start().spendAll(CALL);
    const refused = [fleet.start(), fleet.start()];
    for (const process of refused) expect(await process.call(CALL)).toBe(false);
    await fleet.beginOutage();
    for (const process of refused) expect(await process.spendAll(CALL)).toBe(0);
    expect(fleet.billed).toBe(STOP_AT);
    await expectTruthAfterwards(fleet);
  });
});

describe('the bound, with learned reservations', () => {
  const learned = { profile: 'chat', maxExposure: MAX_EXPOSURE };
  const other = { ...learned, profile: 'batch' };

  /** A process that has learned what calls of two profiles usually cost. */
  async function learnedProcess(fleet: Fleet) {
    const process = fleet.start();
    for (let call = 0; call < 20; call++)
      for (const known of [learned, other]) expect(await process.call(CALL, USUAL, known)).toBe(true);
    return process;
  }

  it('is reached to the nano-dollar where all exposed calls cost all that they can, and never passed', async () => {
    const fleet = new Fleet(STOP_AT);
    const processes = [await learnedProcess(fleet), await learnedProcess(fleet)];
    const inFlight = [];
    for (const process of processes) inFlight.push(...(await process.beginAll(CALL, learned)));
    // The others leave a rest that pays for no whole call.
    for (const process of processes) await process.spendAll(NANO_DOLLAR);
    for (const call of inFlight) call.end(CALL);
    expect(fleet.billed).toBe(STOP_AT + 2 * MAX_EXPOSURE);
    for (const process of processes) expect(await process.call(NANO_DOLLAR)).toBe(false);
    await expectTruthAfterwards(fleet);
    expect(await fleet.start().call(NANO_DOLLAR)).toBe(false);
  });

  it('is reached together with the extra for outages', async () => {
    const fleet = new Fleet(STOP_AT, EXTRA);
    const processes = [await learnedProcess(fleet), await learnedProcess(fleet)];
    for (const size of [CALL, USUAL, NANO_DOLLAR]) for (const process of processes) await process.spendAll(size);
    expect(fleet.billed).toBe(STOP_AT);
    await fleet.beginOutage();
    const inFlight = [];
    for (const process of processes) {
      inFlight.push(...(await process.beginAll(CALL, learned)));
      await process.spendAll(NANO_DOLLAR);
    }
    for (const call of inFlight) call.end(CALL);
    expect(fleet.billed).toBe(STOP_AT + 2 * (EXTRA + MAX_EXPOSURE));
    for (const process of processes) expect(await process.call(NANO_DOLLAR)).toBe(false);
    await expectTruthAfterwards(fleet);
  });

  it('adds up with the extra for outages, which an overdrawn lease has used already', async () => {
    const fleet = new Fleet(STOP_AT, EXTRA);
    const process = await learnedProcess(fleet);
    const before = await process.beginAll(CALL, learned);
    await process.spendAll(NANO_DOLLAR);
    for (const call of before) call.end(CALL);
    expect(fleet.billed).toBe(STOP_AT + MAX_EXPOSURE);
    await fleet.beginOutage();
    for (const call of await process.beginAll(CALL, other)) call.end(CALL);
    await process.spendAll(NANO_DOLLAR);
    expect(fleet.billed).toBeLessThanOrEqual(STOP_AT + EXTRA + MAX_EXPOSURE);
    await expectTruthAfterwards(fleet);
  });

  it('adds up with the extra for outages also where the ledger has been told meanwhile', async () => {
    const fleet = new Fleet(STOP_AT, EXTRA);
    const process = await learnedProcess(fleet);
    const before = await process.beginAll(CALL, learned);
    await process.spendAll(NANO_DOLLAR);
    for (const call of before) call.end(CALL);
    await fleet.flush();
    await fleet.beginOutage();
    for (const call of await process.beginAll(CALL, other)) call.end(CALL);
    await process.spendAll(NANO_DOLLAR);
    expect(fleet.billed).toBeLessThanOrEqual(STOP_AT + EXTRA + MAX_EXPOSURE);
    await expectTruthAfterwards(fleet);
  });

  it('is kept where leases were taken back while calls were in flight: the ledger is told what these overdrew', async () => {
    const fleet = new Fleet(STOP_AT);
    const process = await learnedProcess(fleet);
    const inFlight = await process.beginAll(CALL, learned);
    await process.spendAll(NANO_DOLLAR);
    await fleet.beginOutage();
    await fleet.reclaim();
    await fleet.endOutage();
    expect(await process.call(NANO_DOLLAR)).toBe(false);
    for (const call of inFlight) call.end(CALL);
    await fleet.flush();
    expect(fleet.billed).toBe(STOP_AT + MAX_EXPOSURE);
    expect(isConserved(fleet.item)).toBe(true);
    expect(Number(spent(fleet.item))).toBe(fleet.billed);
  });
});

import type { Clock, EpochMs } from '../clock.ts';
import { epochMs } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { Journal } from '../journal.ts';
import { add, displayUsd, max, type NanoUsd, nanoUsd, subtract, ZERO } from '../money.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { TagHistories } from '../profiles/tag-history.ts';
import { type CellStore, cellAt, cellKey } from '../spending/cell.ts';
import { CellLedger } from '../spending/cell-ledger.ts';
import {
  afterWrite,
  committedBy,
  type HolderId,
  type LeaseLedger,
  type LeaseWrite,
  type LedgerItem,
  type LedgerKey,
  left,
  type WriteId,
  type WriteRefusal,
} from '../spending/ledger.ts';
import { ceiling } from '../spending/terms.ts';
import { HOUR_MS, hourAt, type ProcessId, processOf, type UsageRecords } from '../spending/usage-record.ts';
import { Borrower, type Claim, type LendingFacts } from './borrower.ts';
import type { Identity } from './caller.ts';
import { type Denial, isWithheld } from './denial.ts';
import { foreignTotals } from './foreign-totals.ts';
import type { LeaseAnswer } from './lease-answer.ts';
import { LeaseRequest, PROTOCOL, type ReadRequest, type RecordRequest, type WriteRequest } from './lease-protocol.ts';
import { FACTS_MS, UNKNOWN_FACTS_MS } from './lending-facts.ts';

export interface LendingPorts {
  readonly ledger: LeaseLedger & CellStore;
  readonly usage: Pick<UsageRecords, 'write'>;
  readonly histories: Pick<TagHistories, 'get'>;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly newWriteId: () => WriteId;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Agents of cells, by cell: empty at first. What a cell's processes usually ask for is remembered in them. */
  readonly agents: Map<string, CellLedger>;
  /** A short name for an identity that no other has: see {@link Borrower}. */
  readonly namespaceOf: (identity: Identity) => string;
  /** The policy and the index, not older than this. */
  facts(maxAgeMs: number): Promise<LendingFacts>;
}

/** No lease runs longer, whatever a process asks for. */
export const MAX_LEASE_MS = 120_000;
/** One caller's entries in an item: twice as many processes as share an item without being seen to wait. */
const MAX_HOLDERS = 256;
/** The recorder of a process keeps what it could not write for so many hours. */
const RECORDED_HOURS = 24;

/** Agents carry nothing that is not in the ledger. */
const MAX_AGENTS = 512;

class Denied extends Error {
  readonly code: Denial;

  constructor(code: Denial, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The `lease` function: does for a caller that AWS vouches for what a process with access to the table does by itself.
 * It takes nothing from the request that it can know: whose it is, the terms, the ceiling, the time, what the holder had
 * leased before. What it writes carries the caller's own sequence and write id, so that repeats land once.
 *
 * @returns an answer for every request that could be decided, denials included
 * @throws {Fault} where the table could not be reached: the fate of a write is unknown then, and it may be repeated
 */
export async function lend(ports: LendingPorts, identity: Identity, request: unknown): Promise<LeaseAnswer> {
  try {
    const reading = LeaseRequest.safeParse(request);
    if (!reading.success) throw new Denied('RequestInvalid', describe(reading.error.issues));
    const asked = reading.data;
    switch (asked.do) {
      case 'read':
        return await read(ports, identity, asked);
      case 'write':
        return await write(ports, identity, asked);
      case 'record':
        return await record(ports, identity, asked);
    }
  } catch (error) {
    if (error instanceof Denied) return denied(ports.journal, identity.name, error.code, error.message);
    // No outage, in which the policy may let processes go on: it is the same at every try.
    if (error instanceof Fault && isWithheld(error.code))
      return denied(ports.journal, identity.name, error.code, error.next);
    throw error;
  }
}

export function denied(journal: Journal, caller: string, code: Denial, message: string): LeaseAnswer {
  journal.counted('LendingDenied', { caller, code, because: message });
  return { protocol: PROTOCOL, kind: 'denied', code, message };
}

/** Places and expectations; never the values, which are the caller's own text. */
const describe = (issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): string =>
  issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.join('.') || 'request'}: ${message}`)
    .join('; ')
    .slice(0, 500);

/** Looks again at once where the answer is no: a profile may have been made a moment ago. */
async function borrowerWho(
  ports: LendingPorts,
  identity: Identity,
  may: (borrower: Borrower) => boolean,
): Promise<Borrower> {
  const namespace = ports.namespaceOf(identity);
  const known = new Borrower(await ports.facts(FACTS_MS), identity, namespace);
  return may(known) ? known : new Borrower(await ports.facts(UNKNOWN_FACTS_MS), identity, namespace);
}

/** A budget as one caller's process meets it. */
interface Account {
  readonly borrower: Borrower;
  readonly claim: Claim;
  readonly ledger: LeaseLedger;
  readonly item: LedgerItem | undefined;
}

/**
 * Opens a budget that covers a profile of the caller, or in which the process still has a lease to tell of.
 * @throws {Denied} alike for a budget of others and for one that does not exist
 */
async function open(
  ports: LendingPorts,
  identity: Identity,
  { budget, period }: Pick<LedgerKey, 'budget' | 'period'>,
  process: ProcessId,
): Promise<Account> {
  const borrower = await borrowerWho(ports, identity, (candidate) => candidate.claimOn(budget).isCovered);
  const claim = borrower.claimOn(budget);
  const notYours = () =>
    new Denied('BudgetNotYours', `budget: no profile of ${identity.name} is covered by a budget of this name`);
  // The key of a cell is the name of a budget with a # in it.
  if (budget.includes('#')) throw notYours();
  const key: LedgerKey = { budget, period };
  const cell = claim.cells === undefined ? undefined : cellAt(placeOf(borrower.storedProcess(process)), claim.cells);
  if (!claim.isCovered) {
    const lender = await ports.ledger.read(cell === undefined ? key : cellKey(key, cell));
    if (lender === undefined || !borrower.hasEntryIn(lender, process)) throw notYours();
  }
  const ledger = cell === undefined ? ports.ledger : agentOf(ports, key, cell);
  return { borrower, claim, ledger, item: await ledger.read(key) };
}

/** Where no profile of the caller is covered any more, nothing is left for it: it will give back what it has. */
function viewOf({ borrower, claim }: Account, item: LedgerItem | undefined, now: EpochMs): LedgerItem | null {
  if (item === undefined) return null;
  if (claim.isCovered) return borrower.viewOf(item);
  const others = left(item, now);
  return borrower.viewOf({ ...item, committed: add(item.committed, others), leased: add(item.leased, others) });
}

/** Cells are the function's own affair: the caller sees one budget. */
function agentOf(ports: LendingPorts, key: LedgerKey, cell: HolderId): CellLedger {
  const name = `${key.budget} ${key.period} ${cell}`;
  const known = ports.agents.get(name);
  if (known !== undefined) return known;
  if (ports.agents.size >= MAX_AGENTS) ports.agents.clear();
  const agent = new CellLedger({ ...ports, key, cell, leaseMs: MAX_LEASE_MS });
  ports.agents.set(name, agent);
  return agent;
}

/** From 0 to 1, always the same for a process: FNV-1a of its name. */
function placeOf(process: ProcessId): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < process.length; index++)
    hash = Math.imul(hash ^ process.charCodeAt(index), 0x01000193) >>> 0;
  return hash / 2 ** 32;
}

async function read(ports: LendingPorts, identity: Identity, request: ReadRequest): Promise<LeaseAnswer> {
  const account = await open(ports, identity, request, request.process);
  return { protocol: PROTOCOL, kind: 'item', item: viewOf(account, account.item, ports.clock.now()) };
}

async function write(ports: LendingPorts, identity: Identity, request: WriteRequest): Promise<LeaseAnswer> {
  const account = await open(ports, identity, request, processOf(request.holder));
  const { borrower, ledger, item } = account;
  const now = ports.clock.now();
  const view = (seen: LedgerItem | undefined) => viewOf(account, seen, now);
  const landed = (seen: LedgerItem): LeaseAnswer => ({ protocol: PROTOCOL, kind: 'landed', item: view(seen) });
  const refused = (why: WriteRefusal, seen: LedgerItem | undefined): LeaseAnswer => ({
    protocol: PROTOCOL,
    kind: 'refused',
    why,
    item: view(seen),
  });
  if (item === undefined) return refused('not-provisioned', undefined);
  const holder = borrower.storedHolder(request.holder);
  const before = item.holders.get(holder);
  if (before?.writeId === request.writeId) return landed(item);
  if ((before?.sequence ?? 0) !== request.sequence - 1) return refused('lease-lost', item);
  if (before === undefined && borrower.entriesIn(item) >= MAX_HOLDERS)
    throw new Denied('TooManyHolders', `holder: expected at most ${MAX_HOLDERS} in one item`);

  // What the holder had leased under the sequence before this one cannot change until this write, or another, lands.
  const own = writeOf(request, {
    item,
    holder,
    before: before?.leased ?? ZERO,
    now,
    isShadow: account.claim.isShadow,
  });
  if (own.grant !== undefined) {
    if (request.termsVersion !== item.terms.version) return refused('terms-changed', item);
    if (!account.claim.isCovered || now >= item.endsAt) return refused('over-ceiling', item);
  } else await checkReport(ports, account, item, own);
  const outcome = await ledger.write(own);
  return outcome.kind === 'landed' ? landed(outcome.item ?? afterWrite(item, own)) : refused(outcome.why, outcome.item);
}

/** The caller's write as the ledger is to have it. */
function writeOf(
  { settled, unconfirmed, leased, ...request }: WriteRequest,
  {
    item,
    holder,
    before,
    now,
    isShadow,
  }: {
    readonly item: LedgerItem;
    readonly holder: HolderId;
    readonly before: NanoUsd;
    readonly now: EpochMs;
    readonly isShadow: boolean;
  },
): LeaseWrite {
  const isGrant = request.termsVersion !== undefined;
  const latest = isGrant ? Math.max(now, Math.min(now + MAX_LEASE_MS, item.endsAt)) : now + MAX_LEASE_MS;
  const write: LeaseWrite = {
    key: item.key,
    holder,
    settled,
    unconfirmed,
    leased: subtract(leased, before),
    entry: {
      sequence: request.sequence,
      writeId: request.writeId,
      leased,
      // Never in the past either: a tombstone that is swept away too soon would let a late copy land.
      expiresAt: epochMs(Math.min(Math.max(request.expiresAt, now), latest)),
    },
    // No other budget lets pass what it would refuse.
    ...(request.unrefused === undefined || !isShadow ? {} : { unrefused: request.unrefused }),
    ...(isGrant ? { grant: { termsVersion: item.terms.version, ceiling: ceiling(item.terms, now), at: now } } : {}),
  };
  const { refusedNeed } = request;
  // A budget that pays for what was needed has refused nobody: the word of a refusal may close it.
  const isRefusal = refusedNeed !== undefined && refusedNeed > left(isGrant ? item : afterWrite(item, write), now);
  return isRefusal ? { ...write, refusal: { at: now, need: refusedNeed } } : write;
}

/**
 * A write without a grant tells what was spent, and no ceiling bounds it: money that is gone must be counted. So it may
 * neither lease anything new, but for what the terms let a process spend while the ledger cannot be reached, nor, where
 * others share the budget, tell of more than calls in flight can have cost beyond what was held for them.
 */
async function checkReport(
  ports: LendingPorts,
  { borrower, claim }: Account,
  item: LedgerItem,
  write: LeaseWrite,
): Promise<void> {
  // A budget that only watches is spent from without a lease.
  if (claim.isShadow) return;
  const { policy } = await ports.facts(FACTS_MS);
  const extra = item.terms.outageExtra ?? ZERO;
  if (write.leased > extra)
    throw new Denied(
      'RequestInvalid',
      `leased: expected no more than before without termsVersion${extra > 0n ? `, or ${extra} more` : ''}`,
    );
  const beyond = max(committedBy(write), ZERO);
  if (beyond === 0n) return;
  const { maxExposure } = policy.ledger;
  const most = nanoUsd(maxExposure + extra);
  const facts = { caller: borrower.identity.name, budget: item.key.budget, beyond: beyond.toString() };
  if (!claim.isOwn && beyond > most)
    throw new Denied(
      'ReportTooLarge',
      `settled: expected at most ${displayUsd(most)} beyond the lease on a budget that others share`,
    );
  ports.journal.counted('ReportBeyondLease', facts);
}

/**
 * Takes what a process has used. Totals that are not the caller's to tell are left out, for good: the rest is as true without
 * them. The answer names them, so that the process tells them no more and goes on.
 */
async function record(ports: LendingPorts, identity: Identity, request: RecordRequest): Promise<LeaseAnswer> {
  const { process, hour, chunk, sequence, watermark, totals } = request;
  const now = ports.clock.now();
  const oldest = hourAt(epochMs(now - RECORDED_HOURS * HOUR_MS));
  if (hour < oldest || hour > hourAt(now))
    throw new Denied('HourOutOfReach', `hour: expected one from ${oldest} to ${hourAt(now)}`);
  const borrower = await borrowerWho(ports, identity, (candidate) =>
    totals.every(({ profile }) => candidate.ownsProfile(profile)),
  );
  const leftOut = await foreignTotals(ports, borrower, request);
  await ports.usage.write({
    process: borrower.storedProcess(process),
    hour,
    chunk,
    sequence,
    // Nobody has told of the future: what is still to come must not pass for told.
    watermark: epochMs(Math.min(watermark, now)),
    totals: new Map(totals.flatMap(({ profile, ...used }) => (leftOut.has(profile) ? [] : [[profile, used] as const]))),
  });
  if (leftOut.size === 0) return { protocol: PROTOCOL, kind: 'recorded' };
  tellLeftOut(ports.journal, identity, leftOut);
  return { protocol: PROTOCOL, kind: 'recorded', leftOut: [...leftOut] };
}

/** Of a caller who names many, some. */
const MOST_NAMED = 10;

function tellLeftOut(journal: Journal, { name: caller }: Identity, leftOut: ReadonlySet<ProfileArn>): void {
  const code: Denial = 'ProfileNotYours';
  const because = `totals: ${leftOut.size} of profiles that had other tags than ${caller} in that hour are left out`;
  journal.counted('LendingDenied', { caller, code, because, profiles: [...leftOut].slice(0, MOST_NAMED) });
}

import type { Journal } from '../../domain/journal.ts';
import {
  hasStrayItem,
  openTable,
  planRecovery,
  type Recovery,
  type RecoveryStep,
  recoverableAt,
  recoverableItems,
  recoverBudget,
} from '../../domain/recovery/recover.ts';
import type { KnownTable, TableDescription } from '../../domain/recovery/table-identity.ts';
import { closeTable, stateOf } from '../../domain/recovery/tend-table.ts';
import { callerOf } from '../caller.ts';
import { tableOf } from '../connection.ts';
import { askForConsent } from '../declare/consent.ts';
import { unlessTwice } from '../interruption.ts';
import { folded } from '../output/fold.ts';
import { complain } from '../output/print.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED, UserError } from '../user-error.ts';
import { recoveryOf } from './account.ts';
import type { RecoverOptions } from './options.ts';
import { jsonVoice, type RecoveryVoice, textVoice } from './voice.ts';

interface Found {
  readonly known: KnownTable | undefined;
  readonly described: TableDescription;
}

/** Shows what a recovery would do, asks, and does it. Stopped and run again, it goes on where it was. @returns the exit code */
export async function runRecover(options: RecoverOptions): Promise<number> {
  if (options.yes !== true && (options.json === true || !process.stdin.isTTY))
    throw new UserError(['expected --yes: nobody can be asked here whether to recover']);
  const voice =
    options.json === true
      ? jsonVoice(process.stdout)
      : textVoice({ write: (text) => process.stdout.write(folded(text)) });
  const { arn } = await callerOf();
  const ports = await recoveryOf(tableOf(options), journalFor(voice));
  ports.journal.begin({ actor: arn, invocation: ports.newWriteId() });
  try {
    return await recover(ports, options, voice);
  } finally {
    await ports.journal.flush();
  }
}

async function recover(ports: Recovery, options: RecoverOptions, voice: RecoveryVoice): Promise<number> {
  const found: Found = { known: await ports.identities.known(), described: await ports.identities.describe() };
  const state = stateOf(found.known, found.described);
  const isOpen = state === 'open' && options.rolledBack !== true;
  if (isOpen && !(await hasStrayItem(ports, found.described.tableId))) {
    voice.notRestored();
    return 0;
  }
  if (!isOpen && state !== 'closed') return await close(ports, options, voice, found);
  const closedAt = found.known?.closed?.at ?? ports.clock.now();
  const at = recoverableAt(closedAt, ports.policy.ledger.graceSeconds);
  // Of an item that was left behind when the table was opened nothing was leased since.
  if (!isOpen && ports.clock.now() < at) {
    voice.tooEarly(at);
    return EXIT_FAILED;
  }
  const { tableId } = found.described;
  const steps = await planRecovery(ports, tableId, options.spent);
  voice.plan(steps, closedAt);
  const consent = options.yes === true ? 'given' : await askForConsent(process.stdin, process.stdout);
  if (consent !== 'given') {
    voice.nothingChanged();
    return consent === 'interrupted' ? EXIT_INTERRUPTED : 0;
  }
  return await workOff(ports, voice, found, steps);
}

/** From now on nothing is leased; when calls of before are over and metered, the command is run again. */
async function close(
  ports: Recovery,
  options: RecoverOptions,
  voice: RecoveryVoice,
  { known, described }: Found,
): Promise<number> {
  voice.closing();
  const consent = options.yes === true ? 'given' : await askForConsent(process.stdin, process.stdout);
  if (consent !== 'given') {
    voice.nothingChanged();
    return consent === 'interrupted' ? EXIT_INTERRUPTED : 0;
  }
  await unlessTwice(
    () => complain('Interrupted: closing the table to the end; Ctrl-C again leaves it to ledger-watch …'),
    () =>
      closeTable(
        {
          ...ports,
          items: async () => ({ keys: await recoverableItems(ports), isWhole: true }),
          close: (key) => ports.store.close(key),
        },
        known,
        described,
      ),
  );
  ports.journal.decided('close restored table', {
    table: described.tableId,
    because: options.rolledBack === true ? 'an operator says that it was rolled back' : 'it was restored from a backup',
  });
  voice.tooEarly(recoverableAt(ports.clock.now(), ports.policy.ledger.graceSeconds));
  return EXIT_FAILED;
}

async function workOff(
  ports: Recovery,
  voice: RecoveryVoice,
  { known, described }: Found,
  steps: readonly RecoveryStep[],
): Promise<number> {
  let isInterrupted = false;
  const interrupt = () => {
    isInterrupted = true;
    complain('Interrupted: finishing the budget under way; run the command again for the others …');
  };
  let left = steps.length;
  await unlessTwice(interrupt, async () => {
    for (const step of steps) {
      if (isInterrupted) break;
      const outcome = step.kind === 'unknown' ? 'unknown' : await recoverBudget(ports, described.tableId, step);
      if (outcome === 'recovered') left--;
      voice.did(step, outcome);
    }
    if (left === 0) await openTable(ports, described.tableId, known);
  });
  voice.end(left);
  if (left === 0) return 0;
  return isInterrupted ? EXIT_INTERRUPTED : EXIT_FAILED;
}

const journalFor = (voice: RecoveryVoice): Journal => ({
  decided: (decision, facts) => voice.decided(decision, facts),
  counted: (metric, facts) => {
    // The recovery holds all the same; who looks for it later finds a gap.
    if (metric === 'AuditFailed') complain(`The audit trail could not be written: ${JSON.stringify(facts)}`);
  },
});

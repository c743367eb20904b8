import { createHash } from 'node:crypto';
import * as z from 'zod';
import { ledgerTable } from '../../aws/dynamodb/ledger-table.ts';
import { tableLook } from '../../aws/dynamodb/table-identity.ts';
import { tagHistoriesTable } from '../../aws/dynamodb/tag-histories-table.ts';
import { usageTable } from '../../aws/dynamodb/usage-table.ts';
import type { Identity } from '../../domain/lending/caller.ts';
import { rememberedHistories } from '../../domain/lending/foreign-totals.ts';
import type { LendingPorts } from '../../domain/lending/lend.ts';
import { rememberedFacts } from '../../domain/lending/lending-facts.ts';
import type { WriteId } from '../../domain/spending/ledger.ts';
import { equipment } from '../equipment.ts';
import { functionSettings } from '../function-settings.ts';
import type { Equipped } from '../handler-of.ts';
import { inLambda, type Surroundings } from '../surroundings.ts';

const Environment = z.object({
  GOVERNOR_TABLE: z.string().min(3),
  GOVERNOR_STAGE: z.string().regex(/^[A-Za-z0-9-]{1,40}$/),
});

/** The adapters of the function `lease`, which runs too often to read the policy each time. */
export function lender(surroundings: Surroundings = inLambda()): Equipped & { readonly lending: LendingPorts } {
  const { environment, machine } = surroundings;
  const { GOVERNOR_TABLE: table, GOVERNOR_STAGE: stage } = functionSettings(Environment, environment);
  const { logger, metrics, clock, dynamo, policies, index, journal } = equipment(surroundings, table, stage);
  const lending: LendingPorts = {
    ledger: ledgerTable(dynamo, table, tableLook(dynamo, table, clock, machine.deadline)),
    usage: usageTable(dynamo, table),
    histories: rememberedHistories(tagHistoriesTable(dynamo, table), clock),
    clock,
    journal,
    newWriteId: () => machine.newId() as WriteId,
    random: machine.random,
    agents: new Map(),
    namespaceOf,
    facts: rememberedFacts(async () => {
      const [policy, entries] = await Promise.all([policies.current(), index.list()]);
      return { policy, entries };
    }, clock),
  };
  return { logger, metrics, journal, lending };
}

/** 60 bits: the identities of one policy are few, and nobody but its author names them. */
const namespaceOf = ({ name }: Identity): string => createHash('sha256').update(name).digest('base64url').slice(0, 10);

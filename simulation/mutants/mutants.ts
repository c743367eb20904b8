import type { Mutant } from './mutant.ts';

/** The faults that the simulation is there to notice. Sorted by what they break. */
export const MUTANTS: readonly Mutant[] = [
  {
    id: 'post-hoc-counting',
    meaning: 'calls are admitted while anything is left, and counted afterwards',
    changes: [
      {
        file: 'domain/spending/lease.ts',
        source: 'if (!this.isLive(now) || amount > this.#available) return false;',
        mutant: 'if (!this.isLive(now) || this.#available <= 0) return false;',
      },
    ],
  },
  {
    id: 'abort-refunded',
    meaning: 'an attempt whose fate is unknown costs nothing',
    changes: [
      {
        file: 'invoke/governed-attempt.ts',
        source: 'this.#reservation.end(known ?? 0, unknown);',
        mutant: 'this.#reservation.end(known ?? 0, 0);',
      },
    ],
  },
  {
    id: 'return-as-plain-add',
    meaning: 'a write of a lease lands whatever sequence the item has, and so again when it is retried',
    changes: [
      {
        file: 'aws/dynamodb/ledger-updates.ts',
        source: "'holders.#holder.#sequence = :before'",
        mutant: "'attribute_exists(holders.#holder)'",
      },
    ],
  },
  {
    id: 'reclaim-at-expiry',
    meaning: 'a lease is taken back as soon as it has expired',
    changes: [
      { file: 'domain/standing/tidy-leases.ts', source: 'ports.policy.ledger.graceSeconds * 1000', mutant: '0' },
    ],
  },
  {
    id: 'crashed-lease-handed-back',
    meaning: 'half of what a crashed process held is handed back by guess',
    changes: [
      {
        file: 'aws/dynamodb/ledger-table.ts',
        source: "'SET leased = leased - :money, unconfirmed = unconfirmed + :money, holders.#holder = :entry'",
        mutant:
          "'SET leased = leased - :money, unconfirmed = unconfirmed + :half, committed = committed - :rest, holders.#holder = :entry'",
      },
      {
        file: 'aws/dynamodb/ledger-table.ts',
        source: "':money': number(entry.leased),",
        mutant:
          "':money': number(entry.leased), ':half': number(entry.leased / 2n), ':rest': number(entry.leased - entry.leased / 2n),",
      },
    ],
  },
  {
    id: 'lease-across-periods',
    meaning: 'a lease goes on when the period turns',
    changes: [
      { file: 'invoke/held-lease.ts', source: 'Math.min(now + leaseMs, endsAt)', mutant: 'now + leaseMs' },
      {
        file: 'invoke/budget-account.ts',
        source: 'now < this.endsAt && now',
        mutant: 'now < this.endsAt + 600_000 && now',
      },
    ],
  },
  {
    id: 'no-true-up',
    meaning: 'nobody compares what was recorded with what was metered',
    changes: [
      {
        file: 'domain/profiles/sweep-budgets.ts',
        source: 'await trueUp(readingOnce(ports), targets)',
        mutant: '[]',
      },
    ],
  },
  {
    id: 'commands-by-arrival',
    meaning: 'of two words of operators the one counts that arrives last, and not the one that was said last',
    changes: [
      {
        file: 'aws/dynamodb/overrides-table.ts',
        source: "'#override = :after OR #override = :this'",
        mutant: "'attribute_exists(pk) OR #override = :after OR #override = :this'",
      },
      {
        file: 'aws/dynamodb/overrides-table.ts',
        source: "'attribute_not_exists(pk) OR #override = :this'",
        mutant: "'attribute_not_exists(pk) OR attribute_exists(pk) OR #override = :this'",
      },
    ],
  },
  {
    id: 'turn-reopens-disable',
    meaning: "an operator's disable ends when the period turns",
    changes: [
      {
        file: 'domain/standing/review-budget.ts',
        source: 'operators: wordOn(ports.policy, budget, overrides, now),',
        mutant:
          'operators: wordOn(ports.policy, budget, overrides.filter(({ madeAt }) => madeAt >= ledger.startsAt), now),',
      },
    ],
  },
  {
    id: 'no-sweep',
    meaning: 'events are trusted to come',
    changes: [
      {
        file: 'handlers/sweep.ts',
        source: 'const report = await sweep(ports, () => context.getRemainingTimeInMillis(), index);',
        mutant: 'const report = { failed: [] };',
      },
    ],
  },
  {
    id: 'index-by-last-arrival',
    meaning: 'the index says what the event says that came last',
    changes: [
      {
        file: 'handlers/profile-changed.ts',
        source: 'const outcome = await governor.ears.hear(seen.arn, timeOfEvent(event));',
        mutant:
          'const { index } = await governor.start(); const said = event.detail.requestParameters.tags; const entry = await index.get(seen.arn); if (entry !== undefined && said !== undefined) await index.put({ ...entry, tags: Object.fromEntries(said.filter(({ key }) => !key.startsWith("governor:")).map(({ key, value }) => [key, value])) }); const outcome = { kind: "governed" };',
      },
    ],
  },
  {
    id: 'violation-ignored',
    meaning: 'a profile that violates the policy is taken for one that does not',
    changes: [
      {
        file: 'domain/profiles/verdict.ts',
        source: "return { tags: found, budgets: [], reasons: [{ kind: 'quarantine', violations }], violating };",
        mutant: 'return { ...wanted, reasons: [] };',
      },
    ],
  },
  {
    id: 'budget-names-by-chance',
    meaning: 'a budget of AWS gets another name each time',
    changes: [
      {
        file: 'domain/budgets/provisioning.ts',
        source: "replace(BANNED, '/%61ction');\n  return name.length",
        mutant:
          "replace(BANNED, '/%61ction') + '-' + (globalThis.madeNames = (globalThis.madeNames ?? 0) + 1);\n  return name.length",
      },
    ],
  },
  {
    id: 'disable-by-polling',
    meaning: 'a lease is granted whatever the terms are by then: processes hear of a disable when they look',
    changes: [
      {
        file: 'aws/dynamodb/ledger-updates.ts',
        source: "conditions.push('termsVersion = :termsVersion', 'startsAt <= :at');",
        mutant: "conditions.push('startsAt <= :at');",
      },
    ],
  },
  {
    id: 'other-write-under-sequence',
    // Either alone does no harm: a process that sends another write finds its sequence taken, and loses its lease for it.
    meaning:
      'a write whose answer was lost is taken for refused, another one follows under its sequence, and the table takes that too',
    changes: [
      {
        file: 'aws/dynamodb/ledger-updates.ts',
        source: "'holders.#holder.#sequence = :before'",
        mutant:
          "'(holders.#holder.#sequence = :before OR (holders.#holder.#sequence = :same AND holders.#holder.writeId <> :writeId))'",
      },
      {
        file: 'aws/dynamodb/ledger-updates.ts',
        source: "if (!first) values[':before'] = number(entry.sequence - 1);",
        mutant:
          "if (!first) { values[':before'] = number(entry.sequence - 1); values[':same'] = number(entry.sequence); values[':writeId'] = text(entry.writeId); }",
      },
      {
        file: 'invoke/held-lease.ts',
        source: 'if (error instanceof Fault && neverLanded(error.code)) lease.denied();',
        mutant: 'lease.refused();',
      },
    ],
  },
  {
    id: 'no-tombstone',
    meaning: 'who gives a lease back leaves nothing behind',
    changes: [
      {
        file: 'aws/dynamodb/ledger-updates.ts',
        source: "'holders.#holder = :entry',",
        mutant: '...(entry.leased === 0n && !first ? [] : ["holders.#holder = :entry"]),',
      },
      {
        file: 'aws/dynamodb/ledger-updates.ts',
        source: "' REMOVE refusedAt, refusedNeed' : ''}`,",
        mutant:
          "' REMOVE refusedAt, refusedNeed' : ''}` + (entry.leased === 0n && !first ? ' REMOVE holders.#holder' : ''),",
      },
    ],
  },
  {
    id: 'true-up-adds',
    meaning: 'each true-up adds what it finds to what was found before',
    changes: [
      {
        file: 'domain/spending/true-up.ts',
        source: `const unattributed = max(
    item.unattributed,
    max(subtract`,
        mutant: `const unattributed = add(
    item.unattributed,
    max(ZERO, subtract`,
      },
    ],
  },
  {
    id: 'true-up-of-open-hours',
    meaning: 'the true-up takes a window for closed in which processes still record and metrics still come',
    changes: [
      {
        file: 'domain/spending/true-up.ts',
        source: 'let until = now - delayMs;',
        mutant: 'let until = now + 3_600_000;',
      },
      { file: 'domain/spending/true-up.ts', source: 'if (leased === 0n) continue;', mutant: 'continue;' },
    ],
  },
  {
    id: 'retag-ignores-history',
    meaning: 'a budget that comes to cover a profile forgets what the profile has spent before',
    changes: [
      {
        file: 'domain/profiles/govern-profile.ts',
        source: 'if (before !== undefined) await followCoverage(',
        mutant: 'if (before === undefined) await followCoverage(',
      },
    ],
  },
  {
    id: 'delete-forgets-spend',
    meaning: 'a profile that is deleted takes what it has spent with it',
    changes: [
      {
        file: 'domain/profiles/govern-profile.ts',
        source: 'await ports.index.put({ ...entry, endedAt: now });',
        mutant: 'await ports.index.put({ ...entry, tags: {}, budgets: [], endedAt: now });',
      },
    ],
  },
  {
    id: 'retry-without-reservation',
    meaning: 'a further attempt goes on with the reservation of the one before it, which may have run',
    changes: [
      {
        file: 'invoke/middleware.ts',
        source: 'if (attempt.needsReservation) attempt.holdsAnew(await reserveAgain(call, attempt.hold, signal));',
        mutant: '',
      },
    ],
  },
  {
    id: 'late-alert-counts',
    meaning: 'figures of AWS Budgets count in the period in which the alert arrives',
    changes: [
      {
        file: 'domain/budgets/hear-alert.ts',
        source: 'if (state?.updatedAt === undefined || !describesPeriod(state, budget, period)) return undefined;',
        mutant: 'if (state?.updatedAt === undefined) return undefined;',
      },
    ],
  },
  {
    id: 'holds-leak',
    meaning: 'a reservation that no attempt used stays held',
    changes: [{ file: 'invoke/governed-call.ts', source: '    reservation.release();\n', mutant: '' }],
  },
  {
    id: 'overshoot-by-one-lease',
    meaning: 'the ceiling is tested without what is asked for',
    changes: [
      {
        file: 'aws/dynamodb/ledger-updates.ts',
        source: "values[':room'] = number(grant.ceiling - committed);",
        mutant: "values[':room'] = number(grant.ceiling);",
      },
    ],
  },
  {
    id: 'own-clock',
    meaning: 'a process goes by its own clock, whatever AWS says',
    changes: [
      {
        file: 'aws/aws-clock.ts',
        source: 'const offset = Math.min(Math.max(0, this.#least), this.#most);',
        mutant: 'const offset = 0;',
      },
    ],
  },
  {
    id: 'notices-again',
    meaning: 'a notice that was sent is not marked, and is sent again',
    changes: [
      {
        file: 'aws/dynamodb/outbox-table.ts',
        source: "UpdateExpression: 'REMOVE outbox, claimedUntil',",
        mutant: "UpdateExpression: 'REMOVE claimedUntil',",
      },
    ],
  },
  {
    id: 'opening-twice',
    meaning: 'what a profile brought to a budget is added with each look',
    changes: [
      {
        file: 'domain/spending/seeding.ts',
        source: 'settled: max(from.settled, wanted.settled),',
        mutant: 'settled: add(from.settled, wanted.settled),',
      },
    ],
  },
  {
    id: 'raise-for-good',
    meaning: 'a raise goes on when it has ended',
    changes: [
      {
        file: 'domain/spending/terms.ts',
        source: 'raises.filter((raise) => now < raise.until)',
        mutant: 'raises',
      },
    ],
  },
  {
    id: 'tag-before-ledger',
    meaning: 'the tag of a profile is left as it is when its budget is closed',
    changes: [
      {
        file: 'domain/profiles/govern-profile.ts',
        source: 'await ports.profiles.tag(arn, { [STANDING_TAG]: wanted });',
        mutant: '',
      },
    ],
  },
  {
    id: 'usage-untold-is-zero',
    meaning: 'an answer without usage costs nothing',
    changes: [
      {
        file: 'invoke/governed-attempt.ts',
        source: `if (reading === undefined) {
      this.mayHaveRun();`,
        mutant: `if (reading === undefined) {
      this.#reservation?.release();`,
      },
    ],
  },
  {
    id: 'left-budgets-forgotten',
    meaning: 'the sweep leaves budgets alone that cover no profile any more',
    changes: [
      {
        file: 'domain/profiles/sweep-budgets.ts',
        source: 'const left = budgetsLeft(ports, inUse, histories, ports.clock.now());',
        mutant: 'const left = [];',
      },
    ],
  },
  {
    id: 'helper-provides',
    // The governor provides items a period ahead, so that nothing is left for a helper to make: both are put back.
    meaning: "a helper that finds no item of a period makes it, and the governor does not make the next period's ahead",
    changes: [
      {
        file: 'aws/dynamodb/ledger-table.ts',
        source: 'return answer.Item === undefined ? undefined : itemOf(key, answer.Item);',
        mutant: `if (answer.Item !== undefined) return (seen[key.budget] = itemOf(key, answer.Item));
    const known = seen[key.budget];
    if (known === undefined || isMaking || key.cell !== undefined || known.key.period >= key.period) return undefined;
    isMaking = true;
    try {
      await made.provide({ ...known, key, startsAt: known.endsAt, endsAt: known.endsAt + (known.endsAt - known.startsAt), opening: undefined });
    } finally {
      isMaking = false;
    }
    const again = await client.send(new GetItemCommand({ TableName: table, Key: keyOf(key), ConsistentRead: true }));
    return again.Item === undefined ? undefined : itemOf(key, again.Item);`,
      },
      {
        file: 'aws/dynamodb/ledger-table.ts',
        source: '  type Update = Omit<UpdateItemCommandInput,',
        mutant: '  const seen = {}; let isMaking = false;\n  type Update = Omit<UpdateItemCommandInput,',
      },
      { file: 'aws/dynamodb/ledger-table.ts', source: '  return {\n    read,', mutant: '  const made = {\n    read,' },
      {
        file: 'aws/dynamodb/ledger-table.ts',
        source: '  };\n}\n\nconst tableRestored',
        mutant: '  };\n  return made;\n}\n\nconst tableRestored',
      },
      {
        file: 'domain/standing/review-budget.ts',
        source: 'const next = ahead ?? (await provideItem(ports, budget, following, words));',
        mutant: "const next = ahead ?? 'created';",
      },
    ],
  },
  {
    id: 'fragments-at-the-edge',
    meaning: 'who finds less left than a call needs leases what there is',
    changes: [
      {
        file: 'invoke/lease-filling.ts',
        source: 'if (room < least && isFresh) return',
        mutant: 'if (room <= 0 && isFresh) return',
      },
      { file: 'invoke/lease-filling.ts', source: 'if (room < least) {', mutant: 'if (room <= 0) {' },
    ],
  },
  {
    id: 'made-up-alarm-believed',
    meaning: 'an event about an alarm is taken at its word, whatever CloudWatch says of the alarm',
    changes: [
      {
        file: 'domain/signals/alarm.ts',
        source: 'const alarm = await ports.alarms.find(name, region);',
        mutant: 'const alarm = { isInAlarm: true, changedAt: ports.clock.now() };',
      },
    ],
  },
  {
    id: 'shadow-refuses',
    meaning: 'a budget that only watches refuses what it has no money for',
    changes: [{ file: 'invoke/admission.ts', source: 'if (missing.isShadow) continue;', mutant: '' }],
  },
  {
    id: 'monitor-each-time',
    meaning: 'tenants are watched by one monitor more with each look at billing',
    changes: [
      {
        file: 'domain/budgets/anomaly-watch.ts',
        source: 'if (watching !== undefined) return { arn: watching.arn, isNew: false };',
        mutant: '',
      },
      {
        file: 'domain/budgets/anomaly-watch.ts',
        source: 'if (other !== undefined) return taken(',
        mutant: 'if (other === null) return taken(',
      },
    ],
  },
  {
    id: 'later-layout-overwritten',
    // Either alone does no harm: what is read is refused, and what is written has a condition.
    meaning: 'items of a later version are taken for items of this one, and written over',
    changes: [
      {
        file: 'aws/dynamodb/item-schema.ts',
        source: 'return schema === undefined || schema > SCHEMAS[kind];',
        mutant: 'return schema === undefined;',
      },
      {
        file: 'aws/dynamodb/item-schema.ts',
        source: "':schemaKnown': { N: String(SCHEMAS[kind]) } },",
        mutant: "':schemaKnown': { N: '9' } },",
      },
    ],
  },
  {
    id: 'retagged-usage-left-out',
    meaning:
      'the function lease takes nothing of what was used through a profile before it was retagged to another tenant',
    changes: [
      {
        file: 'domain/lending/foreign-totals.ts',
        source: 'if (!borrower.ownedIn(history, window) && !(isOwn && isUnknown)) foreign.add(arn);',
        mutant: 'if (!(isOwn && isUnknown)) foreign.add(arn);',
      },
    ],
  },
  {
    id: 'late-landing-forgotten',
    meaning: 'a lease is given up for lost where a write of its own lands after its repetition was refused',
    changes: [
      {
        file: 'invoke/held-lease.ts',
        source: 'if (!lease.landedLate(entry?.writeId)) this.#replace(lease, entry);',
        mutant: 'this.#replace(lease, entry);',
      },
    ],
  },
];

import type { Fault } from './fault.ts';

/**
 * Faults that other products of this kind have had, and how each would come back here. To add one: the shortest source
 * text that occurs once in its file, what stands there with the fault, and the test that must fail then.
 */
export const FAULTS: readonly Fault[] = [
  {
    id: 'F1',
    meaning: 'check, then increment: processes that look at the same moment all take the last money',
    file: 'aws/dynamodb/ledger-updates.ts',
    source: `conditions.push('committed <= :room');`,
    fault: `conditions.push('(committed <= :room OR committed > :room)');`,
    test: {
      file: 'test/invoke/admission.test.ts',
      title: 'is not overspent by processes that have seen the same money left [F1]',
    },
  },
  {
    id: 'F1b',
    meaning: 'check, then increment: calls of one process all pass, because none holds anything while it runs',
    file: 'domain/spending/lease.ts',
    source: `amount > this.#available) return false;
    this.#available -= amount;`,
    fault: 'amount > this.#available) return false;',
    test: {
      file: 'test/domain/spending/lease.test.ts',
      title: 'gives all that it has and not one nano-dollar more, however many ask at once [F1]',
    },
  },
  {
    id: 'F2',
    meaning: 'counters per process: each counts alone, and together they spend the limit many times',
    file: 'invoke/held-lease.ts',
    source: 'outcome = await this.#options.ledger.write(write);',
    fault: "outcome = { kind: 'landed' };",
    test: {
      file: 'test/invoke/admission.test.ts',
      title: 'is never overspent by several processes together, also where one starts anew [F1, F2]',
    },
  },
  {
    id: 'F2b',
    meaning: 'a restart refills the budget: money in the hands of a process is not counted before it is spent',
    file: 'domain/spending/ledger.ts',
    source: 'add(write.settled, write.unconfirmed, write.leased);',
    fault: 'add(write.settled, write.unconfirmed);',
    test: {
      file: 'test/invoke/lease-lifetime.test.ts',
      title: 'of a process that died stays counted: a restart refills nothing [F2, F12]',
    },
  },
  {
    id: 'F3',
    meaning: 'a stream that broke off is charged nothing, although Bedrock bills what ran until then',
    file: 'invoke/governed-attempt.ts',
    source: 'if (reading === undefined) this.mayHaveRun(reader.atLeast());',
    fault: 'if (reading === undefined) this.#reservation?.release();',
    test: {
      file: 'test/invoke/api-streams.test.ts',
      title: 'that is aborted in mid-stream stays in doubt beyond what is certain [F3, F4]',
    },
  },
  {
    id: 'F3b',
    meaning: 'a call that its caller gives up in flight is charged nothing',
    file: 'invoke/middleware.ts',
    source: 'if (!didNotRun(error)) attempt.mayHaveRun();',
    fault: '',
    test: {
      file: 'test/invoke/api-attempts.test.ts',
      title: 'that is aborted in flight is in doubt with its whole hold, and is not asked again [F3]',
    },
  },
  {
    id: 'F3c',
    meaning: 'a stream that its caller drops is not read to its end, where its usage stands',
    file: 'invoke/metered-stream.ts',
    source: 'const drain = this.#drain(source, passOn, meter.disconnect)',
    fault: 'const drain = Promise.resolve()',
    test: {
      file: 'test/invoke/api-streams.test.ts',
      title: 'that its caller breaks off is read to its end for its usage [F3]',
    },
  },
  {
    id: 'F4',
    meaning: 'a stream that broke off is priced from the placeholder usage at its start',
    file: 'domain/spending/invoke-stream-usage.ts',
    source: `const { outputTokens: _placeholder, ...said } = readAnthropicUsage(member(member(chunk, 'message'), 'usage'));
    return { said, isWhole: false };`,
    fault: "return { said: readAnthropicUsage(member(member(chunk, 'message'), 'usage')), isWhole: true };",
    test: {
      file: 'test/invoke/api-streams.test.ts',
      title: 'that is aborted in mid-stream stays in doubt beyond what is certain [F3, F4]',
    },
  },
  {
    id: 'F4b',
    meaning: 'an answer without usage is charged nothing',
    file: 'invoke/governed-attempt.ts',
    source: `if (reading === undefined) {
      this.mayHaveRun();`,
    fault: `if (reading === undefined) {
      this.#reservation?.release();`,
    test: {
      file: 'test/invoke/api-matrix.test.ts',
      title: 'counts an answer that tells no usage at the most that it may have cost: unknown is not zero [F4]',
    },
  },
  {
    id: 'F5',
    meaning: 'an explicit zero of usage is taken for missing usage',
    file: 'domain/spending/usage.ts',
    source: 'if (!isCount(reported?.inputTokens) || !isCount(reported.outputTokens)) return undefined;',
    fault: 'if (!reported?.inputTokens || !reported.outputTokens) return undefined;',
    test: { file: 'test/domain/spending/usage.test.ts', title: 'keeps an explicit zero of output tokens [F5]' },
  },
  {
    id: 'F6',
    meaning: 'cached tokens are dropped',
    file: 'domain/spending/pricing.ts',
    source: 'usage.cacheReadInputTokens * meters.cacheRead +',
    fault: '',
    test: {
      file: 'test/invoke/canary.test.ts',
      title: 'a call of known usage moves the ledger by exactly its price, through each API [F6, F20]',
    },
  },
  {
    id: 'F6b',
    meaning: 'cached tokens count twice, as input too',
    file: 'domain/spending/usage.ts',
    source: 'isWithin ? inputTokens - cached : inputTokens',
    fault: 'isWithin ? inputTokens : inputTokens + cached',
    test: {
      file: 'test/invoke/canary.test.ts',
      title: 'a call of known usage moves the ledger by exactly its price, through each API [F6, F20]',
    },
  },
  {
    id: 'F6c',
    meaning: 'writes for an hour are priced as writes for five minutes',
    file: 'domain/spending/usage.ts',
    source: `cacheWrite5mInputTokens: writes - cacheWrite1hInputTokens,
    cacheWrite1hInputTokens,`,
    fault: `cacheWrite5mInputTokens: writes,
    cacheWrite1hInputTokens: 0,`,
    test: {
      file: 'test/invoke/canary.test.ts',
      title: 'a call of known usage moves the ledger by exactly its price, through each API [F6, F20]',
    },
  },
  {
    id: 'F7',
    meaning: 'a model that counts cached tokens as input too is charged for them twice',
    file: 'domain/spending/pricing.ts',
    source: '...(inputTokens === undefined ? {} : { inputTokens }),',
    fault: '',
    test: {
      file: 'test/invoke/unusual-usage.test.ts',
      title: 'of a model that counts cached tokens as input too is priced once for each token [F7]',
    },
  },
  {
    id: 'F8',
    meaning: 'a call whose price is not known costs nothing',
    file: 'invoke/governed-call.ts',
    source: 'const rates = route.ratesAt(now);',
    fault:
      'const rates = route.ratesAt(now) ?? ({ input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 } as Rates);',
    test: {
      file: 'test/invoke/resolving.test.ts',
      title: 'where no price is known for the model [F8]',
    },
  },
  {
    id: 'F9',
    meaning: 'a command that the governor does not meter passes',
    file: 'invoke/free-commands.ts',
    source: 'return !namesModel && !SPENDING.has(commandName);',
    fault: 'return !namesModel || !SPENDING.has(commandName);',
    test: {
      file: 'test/invoke/resolving.test.ts',
      title: 'where the command spends money and is not metered, with whatever it names [F9]',
    },
  },
  {
    id: 'F10',
    meaning: 'a reservation leaks where another budget of the same call refuses',
    file: 'invoke/admission.ts',
    source: 'for (const taken of holds) taken.account.putBack(taken);',
    fault: '',
    test: {
      file: 'test/invoke/admission.test.ts',
      title: 'hold all or none: where the last refuses, the others have lost nothing [F10]',
    },
  },
  {
    id: 'F10b',
    meaning: 'a reservation leaks where the request is turned away',
    file: 'invoke/governed-call.ts',
    source: '    reservation.release();',
    fault: '',
    test: { file: 'test/invoke/admission.test.ts', title: 'leaks nothing, whatever becomes of its calls [F10]' },
  },
  {
    id: 'F11',
    meaning: 'a report that is retried, because its answer was lost, counts twice',
    file: 'aws/dynamodb/ledger-updates.ts',
    source: "'holders.#holder.#sequence = :before'",
    fault: "'holders.#holder.#sequence >= :before'",
    test: {
      file: 'test/invoke/lease-lifetime.test.ts',
      title: "is repaired by the SDK's own retry, and counted once [F11]",
    },
  },
  {
    id: 'F11b',
    meaning: 'a lease that is asked for again, because its answer was lost, counts twice',
    file: 'aws/dynamodb/ledger-updates.ts',
    source: "'attribute_not_exists(holders.#holder)'",
    fault: "'attribute_exists(holders)'",
    test: {
      file: 'test/aws/dynamodb/ledger-table.test.ts',
      title: "counts a write once that the SDK's own retry repeats [F11]",
    },
  },
  {
    id: 'F12',
    meaning: 'money expires: what an expired lease may have spent is forgotten with it',
    file: 'aws/dynamodb/ledger-table.ts',
    source: 'unconfirmed = unconfirmed + :money',
    fault: 'committed = committed - :money',
    test: {
      file: 'test/invoke/lease-lifetime.test.ts',
      title: 'of a process that died stays counted: a restart refills nothing [F2, F12]',
    },
  },
  {
    id: 'F13',
    meaning: 'a cache outlives the reset: a process goes on in the period that is over',
    file: 'invoke/admission.ts',
    source: 'current?.isOf(now) === true',
    fault: 'current !== undefined',
    test: {
      file: 'test/invoke/lease-lifetime.test.ts',
      title:
        'the new period begins with its own limit, and what November leased is not spent in December [F13, F14, F15, F16]',
    },
  },
  {
    id: 'F14',
    meaning: 'a reset zeroes fresh spend: an item is made anew over one that was spent from meanwhile',
    file: 'aws/dynamodb/ledger-table.ts',
    source: "ConditionExpression: 'attribute_not_exists(pk)'",
    fault: "ConditionExpression: 'attribute_not_exists(pk) OR attribute_exists(pk)'",
    test: {
      file: 'test/aws/dynamodb/ledger-table.test.ts',
      title: 'provides no item anew that another has provided since it looked, and spent from [F14]',
    },
  },
  {
    id: 'F14b',
    meaning: 'a reset drops fresh spend: what was spent just before a period ended is never told',
    file: 'invoke/admission.ts',
    source: 'return isReplaced && account.endsAt + KEPT_MS <= now && account.isAtRest;',
    fault: 'return isReplaced || account.endsAt <= now;',
    test: {
      file: 'test/invoke/lease-lifetime.test.ts',
      title: 'what was spent just before is still told to the period that is over [F14]',
    },
  },
  {
    id: 'F15',
    meaning: 'the wrong day: periods turn at midnight of UTC, whatever the time zone',
    file: 'domain/zoned-period.ts',
    source: 'epochMs(PlainDate.toZonedDateTime(date, timeZone).epochMilliseconds)',
    fault: "epochMs(PlainDate.toZonedDateTime(date, 'UTC').epochMilliseconds)",
    test: {
      file: 'test/domain/period.test.ts',
      title: 'turns at midnight of its own time zone, to the millisecond [F15]',
    },
  },
  {
    id: 'F16',
    meaning: 'a reset is not propagated: when a period turns, its ledger is not there yet',
    file: 'domain/standing/review-budget.ts',
    source: 'const next = ahead ?? (await provideItem(ports, budget, following, words));',
    fault: "const next = ahead ?? 'created';",
    test: {
      file: 'test/domain/standing/review-budget.test.ts',
      title: 'has the next period open before it begins, also where this one is closed [F16]',
    },
  },
  {
    id: 'F17',
    meaning: 'work on the hot path: every call reads the ledger',
    file: 'invoke/budget-account.ts',
    source: 'this.#usedSinceVisit = true;',
    fault: `this.#usedSinceVisit = true;
    void this.#options.ledger.read(this.key);`,
    test: {
      file: 'test/invoke/admission.test.ts',
      title: 'is not asked at all for a call that the lease in hand covers: no request but its own [F17]',
    },
  },
  {
    id: 'F18',
    meaning: 'a threshold fires at $0.40 of $15: a slip of a unit',
    file: 'domain/budgets/definition.ts',
    source: '+ 9_999n) / 10_000n',
    fault: '+ 9_999n) / 300_000n',
    test: {
      file: 'test/domain/standing/decide.test.ts',
      title: 'reaches a threshold exactly when that share of the limit is spent, whatever the amounts [F18]',
    },
  },
  {
    id: 'F18b',
    meaning: 'a threshold that is reached exactly does not fire',
    file: 'domain/standing/decide.ts',
    source: 'return gone >= mark(threshold) ||',
    fault: 'return gone > mark(threshold) ||',
    test: {
      file: 'test/domain/standing/decide.test.ts',
      title: 'reaches a threshold exactly when that share of the limit is spent, whatever the amounts [F18]',
    },
  },
  {
    id: 'F19',
    meaning: "the caller's word is taken for identity: tags of a request replace those that the governor is bound to",
    file: 'invoke/bound-plugins.ts',
    source: '{ ...tags, ...this.#fixed }',
    fault: '{ ...this.#fixed, ...tags }',
    test: {
      file: 'test/invoke/resolving.test.ts',
      title: 'may be narrowed by more tags, and never freed of those bound [F19]',
    },
  },
  {
    id: 'F19b',
    meaning: "the caller's word is taken for identity: the ARN of another tenant's profile serves",
    file: 'domain/profiles/resolution.ts',
    source: 'if (missing.length === 0) return entry;',
    fault: 'return entry;',
    test: {
      file: 'test/invoke/identity.test.ts',
      title: "is refused with TenantMismatch where the profile's ARN is another tenant's, by each API [F19]",
    },
  },
  {
    id: 'F19c',
    meaning: "the caller's word is taken for identity: a middleware names another profile after the check",
    file: 'invoke/middleware.ts',
    source: 'if (!goesTo(args.request, call)) throw refused(call, changed(call.route));',
    fault: '',
    test: {
      file: 'test/invoke/identity.test.ts',
      title: 'is not changed by a middleware of the caller that sends an admitted call to another profile [F19]',
    },
  },
  {
    id: 'F20',
    meaning: 'an upgrade of the SDK drops what usage is read from',
    file: 'invoke/governed-apis.ts',
    source: 'const { usage, serviceTier } = output as ConverseCommandOutput;',
    fault: 'const { usage, serviceTier } = { ...(output as ConverseCommandOutput), usage: undefined };',
    test: {
      file: 'test/invoke/canary.test.ts',
      title: 'a call of known usage moves the ledger by exactly its price, through each API [F6, F20]',
    },
  },
  {
    id: 'F20b',
    meaning: 'an upgrade of the price list drops the price of a meter',
    file: 'aws/price-list.ts',
    source: "cacheRead: rate('cache_read_mtok') ?? input",
    fault: 'cacheRead: input',
    test: {
      file: 'test/invoke/canary.test.ts',
      title: 'a call of known usage moves the ledger by exactly its price, through each API [F6, F20]',
    },
  },
  {
    id: 'F21',
    meaning: 'fractions of the smallest unit are cut off, call by call',
    file: 'domain/spending/pricing.ts',
    source: 'return callCost(Math.floor(rounding / QUARTER_PICO_PER_NANO));',
    fault: 'return callCost(Math.floor((rounding - (QUARTER_PICO_PER_NANO - 1)) / QUARTER_PICO_PER_NANO));',
    test: {
      file: 'test/domain/spending/pricing.test.ts',
      title: 'equals the exact rational price, rounded up once to a nano-dollar [F21]',
    },
  },
  {
    id: 'F22',
    meaning: 'a hot budget wears its item out: writes grow with calls, because slices do not grow with spending',
    file: 'domain/spending/slice.ts',
    source: 'Math.max(Math.min(pace, request.previous * GROWTH), request.usual * FIRST_CALLS)',
    fault: 'request.usual * FIRST_CALLS',
    test: {
      file: 'test/spending/writes.test.ts',
      title: 'a process that spends steadily writes about once in half a lease term, however many calls it makes [F22]',
    },
  },
  {
    id: 'F23',
    meaning: 'a client that loops on refusals burns write units: every refusal is written',
    file: 'invoke/lease-filling.ts',
    source: 'const isNews = this.#refused === undefined ||',
    fault: 'const isNews = need > 0 ||',
    test: {
      file: 'test/invoke/admission.test.ts',
      title: 'is written to once for refusals without end, and looked at now and then [F23]',
    },
  },
  {
    id: 'F23b',
    meaning: 'a client that loops on refusals asks the ledger every time: "exhausted" is not remembered',
    file: 'invoke/lease-filling.ts',
    source: 'if (recent && need >= refused.need) return refused.filling;',
    fault: '',
    test: {
      file: 'test/invoke/admission.test.ts',
      title: 'is written to once for refusals without end, and looked at now and then [F23]',
    },
  },
  {
    id: 'F24',
    meaning: 'money is lost when a budget gets fewer cells: nobody collects from the others any more',
    file: 'domain/standing/collect-cells.ts',
    source: 'for (const id of root === undefined ? [] : cellsOf(root)) ids.add(id);',
    fault: '',
    test: {
      file: 'test/spending/cells.test.ts',
      title: 'lose and mint nothing when the policy changes their number in mid-period [F24]',
    },
  },
  {
    id: 'F24b',
    meaning: 'spend counts twice when a cell is used again that the root has forgotten',
    file: 'domain/spending/ledger.ts',
    source: 'entry.reported === undefined && entry.leased === 0n',
    fault: 'entry.leased === 0n',
    test: {
      file: 'test/spending/cells.test.ts',
      title: 'lose and mint nothing when the policy changes their number in mid-period [F24]',
    },
  },
  {
    id: 'F24c',
    meaning: 'money is minted when a cell is funded anew: what it has lent already is not counted',
    file: 'domain/spending/cell.ts',
    source: 'room: subtract(total, cell.committed)',
    fault: 'room: total',
    test: {
      file: 'test/spending/cells.test.ts',
      title: 'lose and mint nothing when the policy changes their number in mid-period [F24]',
    },
  },
  {
    id: 'F25',
    meaning: 'maxTokens: 999999999 pins the counter',
    file: 'invoke/request-bound.ts',
    source: 'Math.min(asked ?? Number.POSITIVE_INFINITY, window)',
    fault: 'asked ?? window',
    test: {
      file: 'test/invoke/admission.test.ts',
      title: 'holds no more for a call than its model can answer, whatever maxTokens says [F25]',
    },
  },
  {
    id: 'F26',
    meaning: 'documents and images are held by their bytes, though only the model counts their tokens',
    file: 'invoke/request-bound.ts',
    source: 'else if (holdsMedia(block)) survey.hasMedia = true;',
    fault: '',
    test: {
      file: 'test/invoke/request-bound.test.ts',
      title: 'holds the window for an image in a guarded block [F26]',
    },
  },
  {
    id: 'F28',
    meaning: 'a restarted process takes a closed budget for an open one',
    file: 'domain/spending/terms.ts',
    source: "if (terms.standing === 'closed') return ZERO;",
    fault: '',
    test: {
      file: 'test/invoke/admission.test.ts',
      title: 'closes it for every process that has no lease in hand, a restarted one included [F28]',
    },
  },
  {
    id: 'F28b',
    meaning: 'a disable reaches processes by polling only: a lease is granted under terms that are no longer so',
    file: 'aws/dynamodb/ledger-updates.ts',
    source: "'termsVersion = :termsVersion'",
    fault: "'termsVersion >= :termsVersion'",
    test: {
      file: 'test/invoke/admission.test.ts',
      title: 'reaches a process at its next lease: what it has in hand is all that it spends [F28]',
    },
  },
  {
    id: 'F28c',
    meaning: "an operator's disable is undone by the next look: it was written once and is not evidence",
    file: 'domain/standing/review-budget.ts',
    source: 'operators: wordOn(ports.policy, budget, overrides, now),',
    fault: 'operators: { raises: [] },',
    test: {
      file: 'test/domain/standing/override.test.ts',
      title: 'closes the ledger of this period and the next first, and then the tags in every Region [F28]',
    },
  },
  {
    id: 'F28d',
    meaning: 'a sweep opens what was closed since it has looked at the budget',
    file: 'domain/profiles/govern-profile.ts',
    source: 'if (reviews.areRemembered && loosens(',
    fault: 'if (!reviews.areRemembered && loosens(',
    test: {
      file: 'test/domain/standing/override.test.ts',
      title: 'is not undone by a sweep that reviewed the budget before it [F28]',
    },
  },
  {
    id: 'F29',
    meaning: 'many calls that begin together cause as many lookups',
    file: 'domain/profiles/index-cache.ts',
    source: 'this.#reading ??= this.#readNow()',
    fault: 'this.#reading = this.#readNow()',
    test: {
      file: 'test/invoke/resolving.test.ts',
      title: 'is read once for many calls that it does not serve [F29]',
    },
  },
  {
    id: 'F30',
    meaning: 'the same alert over and over: each time that it is noticed is taken for an occasion of its own',
    file: 'aws/dynamodb/outbox-table.ts',
    source: 'const keyOf = (id: string) =>',
    fault: 'const keyOf = (occasion: string, id = occasion + clock.now()) =>',
    test: {
      file: 'test/aws/dynamodb/notice-outbox-table.test.ts',
      title: 'takes an occasion once for good, also after it was sent [F30]',
    },
  },
  {
    id: 'F30b',
    meaning: 'a second closing in the same period is taken for the first, and nobody is told',
    file: 'domain/standing/notice.ts',
    source: "const id = noticeId('closed', budget.id, period.id, String(since));",
    fault: "const id = noticeId('closed', budget.id, period.id);",
    test: {
      file: 'test/domain/standing/review-budget.test.ts',
      title: 'tells of a second closing in the same period, under the same limit [F30]',
    },
  },
  {
    id: 'F30c',
    meaning: 'nobody is told that a budget is open again',
    file: 'domain/profiles/announce-profile.ts',
    source: 'if (!stillRestricted.has(id) && budget !== undefined && covers)',
    fault: 'if (stillRestricted.has(id) && budget !== undefined && covers)',
    test: {
      file: 'test/domain/standing/override.test.ts',
      title: 'holds across the turn of a period, and ends by itself [F30]',
    },
  },
];

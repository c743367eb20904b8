import type { BedrockRuntimeClient, BedrockRuntimeClientConfig } from '@aws-sdk/client-bedrock-runtime';
import { expect } from 'vitest';
import type { CostGovernor, CostGovernorConfig, GovernorEvent } from '../../invoke/index.ts';
import type { GovernedAws } from './governed-aws.ts';

/** A tenant's process whose governor tells what it decides. */
export interface ObservedProcess {
  readonly governor: CostGovernor;
  readonly client: BedrockRuntimeClient;
  readonly told: readonly GovernorEvent[];
  /** What each reservation so far has held, in nano-dollars. */
  readonly reserved: readonly number[];
}

export function observedProcess(
  world: GovernedAws,
  handler: BedrockRuntimeClientConfig = {},
  config: Partial<CostGovernorConfig> = {},
): ObservedProcess {
  const told: GovernorEvent[] = [];
  const governor = world.governor({ observe: (event) => told.push(event), ...config });
  return {
    governor,
    client: world.runtime(governor, handler),
    told,
    get reserved() {
      return told.flatMap((event) =>
        event.kind === 'admitted' || event.kind === 'retried' ? [Number(event.reservedNanoUsd)] : [],
      );
    },
  };
}

/**
 * At rest each reservation has ended once, as settled, unconfirmed or released; each call was told to end once, last of
 * all; and what is counted is what was told.
 */
export function expectConsistent({ governor, told, reserved }: ObservedProcess): void {
  const count = (kind: GovernorEvent['kind']) => told.filter((event) => event.kind === kind).length;
  expect(count('settled') + count('unconfirmed') + count('released')).toBe(reserved.length);
  const { calls, openStreams } = governor.snapshot();
  expect(openStreams).toBe(0);
  for (const kind of ['admitted', 'retried', 'settled', 'unconfirmed', 'released'] as const)
    expect([kind, calls[kind]]).toEqual([kind, count(kind)]);
  expect(Object.values(calls.refused).reduce((sum, refused) => sum + refused, 0)).toBe(count('refused'));
  for (const event of told) {
    if (event.kind !== 'admitted') continue;
    const course = told.filter((other) => 'call' in other && other.call === event.call).map(({ kind }) => kind);
    expect([course.indexOf('admitted'), course.indexOf('ended')]).toEqual([0, course.length - 1]);
  }
}

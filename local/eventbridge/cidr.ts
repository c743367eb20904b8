import { isIPv4, isIPv6 } from 'node:net';
import { InvalidPattern } from './invalid-pattern.ts';

/** Compiles an IPv4 or IPv6 block such as `10.0.0.0/24`. @throws {InvalidPattern} */
export function parseCidr(block: string): (value: unknown) => boolean {
  const [address = '', mask, ...rest] = block.split('/');
  if (mask === undefined || rest.length > 0) throw new InvalidPattern(`Malformed CIDR, one '/' required: ${block}`);
  const base = addressOf(address);
  if (base === undefined) throw new InvalidPattern(`Malformed IP address: ${address}`);
  const bits = Number(mask);
  if (!/^\d+$/.test(mask) || bits > base.width) {
    throw new InvalidPattern(`Malformed CIDR, mask bits must be between 0 and ${base.width}: ${block}`);
  }
  const shift = BigInt(base.width - bits);
  return (value) => {
    if (typeof value !== 'string') return false;
    const candidate = addressOf(value);
    return (
      candidate !== undefined && candidate.width === base.width && candidate.number >> shift === base.number >> shift
    );
  };
}

function addressOf(text: string): { readonly number: bigint; readonly width: 32 | 128 } | undefined {
  if (isIPv4(text)) return { number: bigintOf(text.split('.').map(Number), 8n), width: 32 };
  if (isIPv6(text) && !text.includes('%')) return { number: bigintOf(groupsOf(text), 16n), width: 128 };
  return undefined;
}

const bigintOf = (digits: readonly number[], bits: bigint): bigint =>
  digits.reduce((number, digit) => (number << bits) | BigInt(digit), 0n);

function groupsOf(text: string): number[] {
  const [head = '', tail] = text.split('::');
  const front = groupsIn(head);
  const back = tail === undefined ? [] : groupsIn(tail);
  return [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
}

function groupsIn(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!isIPv4(group)) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearest } from '../../domain/nearest.ts';

const REGIONS = ['us-east-1', 'us-east-2', 'us-west-2', 'eu-west-1'];

describe('what is near', () => {
  it.each<[string, readonly string[]]>([
    ['us-esat-1', ['us-east-1']],
    ['US-EAST-3', ['us-east-1', 'us-east-2']],
    ['west', ['eu-west-1', 'us-west-2']],
    ['x', []],
    ['', []],
    ['moonbase', []],
  ])('to "%s" is %j', (typed, near) => {
    expect(nearest(typed, REGIONS)).toEqual(near);
  });

  it('is what one slip has made of a name', () => {
    const name = fc.constantFrom(...REGIONS);
    fc.assert(
      fc.property(name, fc.nat(), (wanted, where) => {
        const at = where % (wanted.length - 1);
        const [one = '', two = ''] = wanted.slice(at, at + 2);
        const swapped = wanted.slice(0, at) + two + one + wanted.slice(at + 2);
        expect(nearest(swapped, REGIONS)).toContain(wanted);
        expect(nearest(wanted.slice(0, at) + wanted.slice(at + 1), REGIONS)).toContain(wanted);
      }),
    );
  });
});

import { expect, it } from 'vitest';
import { geographyOf } from '../../../domain/profiles/geography.ts';

it.each([
  ['us-east-1 us-east-2 us-west-2', 'us'],
  ['ca-central-1 us-east-1 us-west-2', 'us'],
  ['ca-central-1 ca-west-1', 'ca'],
  ['us-gov-east-1 us-gov-west-1', 'us-gov'],
  ['eu-central-1 eu-west-1', 'eu'],
  ['ap-northeast-1 ap-northeast-3', 'jp'],
  ['ap-southeast-2 ap-southeast-4', 'au'],
  ['ap-south-1 ap-south-2', 'in'],
  ['ap-northeast-1 ap-northeast-2 ap-south-1 ap-southeast-2', 'apac'],
  ['ap-northeast-1 ap-northeast-2', 'apac'],
  ['us-east-1 us-gov-west-1', undefined],
  ['us-east-1 eu-west-1', undefined],
  ['', undefined],
])('profiles that route to %s are copied from the geography %s', (regions, geography) => {
  expect(geographyOf(regions.split(' ').filter((region) => region !== ''))).toBe(geography);
});

import type { EmbeddedAws } from '../../local/embedded-aws.ts';

/**
 * How a test's client reaches the embedded AWS, whose time is not the machine's. The SDK takes every failure for one of
 * clocks that differ, and repeats it, when the two are more than four minutes apart.
 */
export const clientConfig = (aws: EmbeddedAws, region = aws.homeRegion) => ({
  endpoint: aws.endpoint,
  region,
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  disableClockSkewCorrection: true,
});

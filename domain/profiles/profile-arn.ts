import type { Brand } from '../brand.ts';

/** Full ARN of an application inference profile. */
export type ProfileArn = Brand<string, 'ProfileArn'>;

const PROFILE_ARN =
  /^arn:(aws[a-z-]*):bedrock:([a-z]{2}(?:-[a-z]+)+-\d):(\d{12}):application-inference-profile\/([a-z0-9]{1,64})$/;

/**
 * Reads the ARN of an application inference profile; undefined for anything else, other Bedrock resources included.
 * Percent-encoding is undone first: in events the ARN was a URL label and may still be encoded.
 */
export function parseProfileArn(text: string): ProfileArn | undefined {
  const decoded = decode(text);
  return decoded !== undefined && PROFILE_ARN.test(decoded) ? (decoded as ProfileArn) : undefined;
}

function decode(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The ARN for a bare profile id as DeleteInferenceProfile takes it; undefined where the parts make none. */
export const profileArnOf = ({ region, accountId, id }: ProfileParts): ProfileArn | undefined =>
  parseProfileArn(`arn:${partitionOf(region)}:bedrock:${region}:${accountId}:application-inference-profile/${id}`);

interface ProfileParts {
  readonly region: string;
  readonly accountId: string;
  readonly id: string;
}

/** Partitions of AWS by the prefix of their Regions (AWS General Reference, ARNs). */
export function partitionOf(region: string): string {
  if (region.startsWith('us-gov-')) return 'aws-us-gov';
  return region.startsWith('cn-') ? 'aws-cn' : 'aws';
}

const part = (arn: ProfileArn, index: 1 | 2 | 3 | 4): string => PROFILE_ARN.exec(arn)?.[index] ?? '';

export const regionOf = (arn: ProfileArn): string => part(arn, 2);
export const accountOf = (arn: ProfileArn): string => part(arn, 3);
/** The last part of the ARN; CloudWatch metrics name a profile by it. */
export const profileIdOf = (arn: ProfileArn): string => part(arn, 4);

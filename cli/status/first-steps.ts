import type { Policy } from '../../domain/policy/policy.ts';
import { commandLine } from '../command-line.ts';

/** What to do where nothing is governed yet: who reads an empty list wants to know why it is empty. */
export const firstSteps = ({ tags }: Pick<Policy, 'tags'>): readonly string[] => [
  `Next: make an application inference profile with the tags that the policy requires (${Object.keys(tags.required).join(', ')}), or declare it in the policy (declaredProfiles): ${commandLine('plan --policy <file>')}, then apply.`,
  `It shows here within minutes, by its event or the next sweep. If it does not: ${commandLine('doctor')}`,
];

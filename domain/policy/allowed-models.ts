import type { ProfileRules } from './profile-rules.ts';

/** Whether profiles may be made from a base model: all may where the policy names none. */
export const allowsModel = ({ models }: Pick<ProfileRules, 'models'>, baseModelId: string): boolean =>
  models === undefined ||
  models.some((model) => (model.endsWith('*') ? baseModelId.startsWith(model.slice(0, -1)) : baseModelId === model));

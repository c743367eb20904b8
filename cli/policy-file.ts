export { type PolicyFile, readPolicyFile } from '../infra/policy-file.ts';

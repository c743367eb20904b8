export { type PolicyFile, PolicyFileError, readPolicyFile } from '../infra/policy-file.ts';

export { EXIT_FAILED, EXIT_USER_ERROR, UserError } from '../infra/user-error.ts';

/** As a shell counts it: 128 + the number of SIGINT. */
export const EXIT_INTERRUPTED = 130;

import pc from 'picocolors';

export type Style = ReturnType<typeof pc.createColors>;

/** Colours for a terminal, none in pipes or where NO_COLOR says so (https://no-color.org: present and not empty). */
export const styleOf = (
  stream: { readonly isTTY?: boolean } = process.stdout,
  environment: NodeJS.ProcessEnv = process.env,
): Style =>
  pc.createColors(stream.isTTY === true && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb');

/** A standing in its colour. */
export const standingIn = (style: Style, standing: string): string =>
  standing === 'open' ? style.green(standing) : standing === 'closed' ? style.red(standing) : style.yellow(standing);

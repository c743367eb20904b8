import pc from 'picocolors';

export type Style = ReturnType<typeof pc.createColors>;

/**
 * Colours for a terminal, none in pipes or where NO_COLOR says so (https://no-color.org: present and not empty), and in
 * pipes too where FORCE_COLOR says so (https://force-color.org; `0` is the habit of Node.js for none). NO_COLOR wins.
 */
export const styleOf = (
  stream: { readonly isTTY?: boolean } = process.stdout,
  environment: NodeJS.ProcessEnv = process.env,
): Style => {
  const { NO_COLOR: none = '', FORCE_COLOR: forced = '', TERM: terminal } = environment;
  if (none !== '' || forced === '0') return pc.createColors(false);
  return pc.createColors(forced !== '' || (stream.isTTY === true && terminal !== 'dumb'));
};

/** A standing in its colour. */
export const standingIn = (style: Style, standing: string): string =>
  standing === 'open' ? style.green(standing) : standing === 'closed' ? style.red(standing) : style.yellow(standing);

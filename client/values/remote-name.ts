/**
 * The names of remote hosts, as `remote add` records them.
 *
 * @module
 */
import { ValueError } from "../value-error.ts";

/** The name that stands for every recorded host. */
export const ALL_REMOTES = "all";

const remoteName = /^[a-z0-9][a-z0-9._-]{0,62}$/i;

/**
 * A name of letters, digits, `.`, `_` and `-`.
 *
 * @throws {ValueError}
 */
export function parseRemoteName(text: string): string {
  if (remoteName.test(text)) return text;
  throw new ValueError(
    (style) =>
      `${style.quote(text)} is no name of a remote (1 to 63 letters, digits, '.', '_' and '-', the first a letter or a digit)`,
  );
}

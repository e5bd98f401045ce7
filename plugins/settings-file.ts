/**
 * Where the plugins of this host are named, apart from what reads it: most hosts have none.
 *
 * @module
 */

/** The file, if there is one. */
export const SETTINGS_FILE: string =
  process.platform === "linux" ? "/etc/albatross/plugins.json" : "/usr/local/etc/albatross/plugins.json";

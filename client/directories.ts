/**
 * Where daemons keep their files by default (client.md 2).
 *
 * @module
 */

/** `T`, the directory of running daemons, and `D`, the database directory. */
export interface Directories {
  readonly temporary: string;
  readonly database: string;
}

/**
 * The default directories of an operating system.
 *
 * @param platform as in `process.platform`
 * @throws {Error} for systems without a convention
 */
export function defaultDirectories(platform: string): Directories {
  switch (platform) {
    case "linux":
    case "android":
      return { temporary: "/run/albatross", database: "/var/lib/albatross" };
    case "freebsd":
    case "darwin":
      return { temporary: "/var/run/albatross", database: "/var/db/albatross" };
    default:
      throw new Error(`Cannot tell where Albatross keeps its files on ${platform}: name the directory yourself`);
  }
}

/**
 * Files that nobody but root and this program's user can have written: what is run from them has all of their rights.
 *
 * @module
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  type Stats,
} from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Symbolic links on the way to a file. */
export const LINKS_MAX = 40;

/** Files and folders below a folder that is trusted as a whole. */
export const TREE_MAX = 10_000;

/** A file that others could have written. `message` says which, and what to do. */
export class UntrustedFileError extends Error {
  override readonly name = "UntrustedFileError";
}

const [GROUP_WRITE, OTHERS_WRITE, STICKY] = [0o020, 0o002, 0o1000];

function ownUser(): number {
  return process.geteuid?.() ?? 0;
}

/** Whoever owns something can change it, whatever its mode. */
function requireOwner(path: string, { uid }: Stats): void {
  if (uid === 0 || uid === ownUser()) return;
  throw new UntrustedFileError(`${path} belongs to the user ${uid}, who could put anything there: chown root ${path}`);
}

function requireUnwritable(path: string, status: Stats): void {
  requireOwner(path, status);
  // In a folder like /tmp nobody can replace what belongs to others, and owners are looked at on the whole way.
  if (status.isDirectory() && (status.mode & STICKY) !== 0) return;
  const others = (status.mode & OTHERS_WRITE) !== 0 ? "everybody" : "its group";
  if ((status.mode & (GROUP_WRITE | OTHERS_WRITE)) === 0) return;
  throw new UntrustedFileError(`${path} can be written by ${others}, who could put anything there: chmod go-w ${path}`);
}

function words(path: string): string[] {
  return path.split("/").filter((word) => word !== "" && word !== ".");
}

/**
 * Goes the way to a file, and makes sure that nobody else can change the file or lead the way elsewhere: neither by a
 * folder above it, nor by a symbolic link.
 *
 * @returns the path without symbolic links, which means the same file for as long as root leaves it there
 * @throws {UntrustedFileError} if somebody can
 * @throws the system's error if there is no such file
 */
export function trustedPath(path: string): string {
  const rest = words(resolve(path));
  let at = "/";
  let links = 0;
  requireUnwritable(at, lstatSync(at));
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "..") {
      at = dirname(at);
      continue;
    }
    const next = join(at, word);
    const status = lstatSync(next);
    if (!status.isSymbolicLink()) {
      requireUnwritable(next, status);
      at = next;
      continue;
    }
    requireOwner(next, status);
    if (++links > LINKS_MAX)
      throw new UntrustedFileError(`${path} leads through more than ${LINKS_MAX} symbolic links`);
    const target = readlinkSync(next);
    if (target.startsWith("/")) at = "/";
    rest.unshift(...words(target));
  }
  return at;
}

/**
 * Reads a file whose {@link trustedPath} is `path`.
 *
 * @throws {UntrustedFileError} if it is none any more, or no file
 */
export function readTrusted(path: string): Buffer {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw new UntrustedFileError(`${path} is no file`);
    requireUnwritable(path, status);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The nearest folder above `path`, which is without symbolic links, to which others can add files, as to /tmp. */
export function openFolderAbove(path: string): string | undefined {
  for (let at = path; at !== "/"; ) {
    at = dirname(at);
    if ((lstatSync(at).mode & (GROUP_WRITE | OTHERS_WRITE)) !== 0) return at;
  }
  return undefined;
}

/**
 * Makes sure that nobody else can change anything below a folder whose {@link trustedPath} is `folder`.
 *
 * @throws {UntrustedFileError} if somebody can, or if there are more than {@link TREE_MAX} files
 */
export function requireTrustedTree(folder: string): void {
  let count = 0;
  const look = (at: string): void => {
    for (const word of readdirSync(at)) {
      if (++count > TREE_MAX) throw new UntrustedFileError(`${folder} has more than ${TREE_MAX} files and folders`);
      const path = join(at, word);
      const status = lstatSync(path);
      if (status.isSymbolicLink()) {
        if (trustedPath(path).startsWith(`${folder}/`)) continue; // looked at in its own place
        throw new UntrustedFileError(`${path} leads out of ${folder}: put a copy in its place`);
      }
      requireUnwritable(path, status);
      if (status.isDirectory()) look(path);
    }
  };
  look(folder);
}

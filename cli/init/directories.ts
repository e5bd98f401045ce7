/**
 * `init`: the directories of packaging.md 4.
 *
 * `D` belongs to root, unlike in the original: albatrossd, which is root, runs the tenders that lie there, so nobody else
 * may write it. Daemons without privileges have directories of their own in it.
 *
 * @module
 */
import { closeSync, constants, fchmodSync, fchownSync, lstatSync, mkdirSync, openSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { defaultDirectories } from "../../client/directories.ts";
import { blockDirectory, fifoDirectory, socketDirectory } from "../../core/paths.ts";
import { findGroup, findUser } from "../../host/accounts.ts";
import { ACCOUNT } from "./accounts.ts";
import { makeFolders } from "./folders.ts";
import type { Step, Undo } from "./step.ts";

/** Where certificates of the endpoint lie. */
export const CERTIFICATE_DIRECTORY = "/etc/albatross";

interface Directory {
  readonly path: string;
  readonly owner: "root" | typeof ACCOUNT;
  readonly group: "root" | typeof ACCOUNT;
  readonly mode: number;
}

/** All directories, those above first. */
function directories(): readonly Directory[] {
  const { temporary, database } = defaultDirectories("linux");
  return [
    { path: temporary, owner: "root", group: ACCOUNT, mode: 0o755 },
    { path: socketDirectory(temporary), owner: "root", group: ACCOUNT, mode: 0o755 },
    { path: fifoDirectory(temporary), owner: "root", group: ACCOUNT, mode: 0o2770 },
    { path: database, owner: "root", group: ACCOUNT, mode: 0o750 },
    { path: blockDirectory(database), owner: "root", group: "root", mode: 0o700 },
    { path: join(database, "log"), owner: ACCOUNT, group: ACCOUNT, mode: 0o750 },
    { path: join(database, "console"), owner: ACCOUNT, group: ACCOUNT, mode: 0o750 },
    { path: join(database, "crls"), owner: ACCOUNT, group: ACCOUNT, mode: 0o750 },
    { path: CERTIFICATE_DIRECTORY, owner: "root", group: ACCOUNT, mode: 0o750 },
  ];
}

/** What is missing or wrong. @throws if something else is in the place of a directory */
export function planDirectories(root: string): readonly Step[] {
  return directories().flatMap((wanted) => planDirectory(wanted, root));
}

function planDirectory(wanted: Directory, root: string): readonly Step[] {
  const { path, owner, group, mode } = wanted;
  const real = join(root, path);
  const id = `directory ${path}`;
  const modeText = mode.toString(8).padStart(4, "0");
  const found = lstatSync(real, { throwIfNoEntry: false });
  if (found === undefined) {
    return [
      {
        id,
        what: `make the directory ${path} (${owner}:${group}, mode ${modeText})`,
        apply: () => {
          const removeAbove = makeFolders(dirname(real));
          mkdirSync(real, { mode: 0o700 });
          const undo = () => {
            rmdirSync(real);
            removeAbove();
          };
          return attempt(() => own(real, wanted, root), undo);
        },
      },
    ];
  }
  if (!found.isDirectory()) throw new Error(`${real} is no directory: move it away`);
  const [uid, gid] = [userNumber(owner, root), groupNumber(group, root)];
  if (found.uid === uid && found.gid === gid && (found.mode & 0o7777) === mode) return [];
  const present = `${found.uid}:${found.gid}, mode ${(found.mode & 0o7777).toString(8).padStart(4, "0")}`;
  return [
    {
      id,
      what: `give the directory ${path} to ${owner}:${group} with mode ${modeText} (it has ${present})`,
      apply: () =>
        attempt(
          () => own(real, wanted, root),
          () => change(real, found.uid, found.gid, found.mode & 0o7777),
        ),
    },
  ];
}

/** Gives the undo of a work, or undoes it if it fails half-way. */
function attempt(work: () => void, undo: () => void): Undo {
  try {
    work();
    return undo;
  } catch (error) {
    undo();
    throw error;
  }
}

function own(real: string, { owner, group, mode }: Directory, root: string): void {
  const [uid, gid] = [userNumber(owner, root), groupNumber(group, root)];
  if (uid === undefined || gid === undefined) throw new Error(`there is no user or group ${ACCOUNT}`);
  change(real, uid, gid, mode);
}

/** Whoever owned the directory above until now may have put a link in its place: that is not followed. */
function change(path: string, uid: number, gid: number, mode: number): void {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    fchownSync(descriptor, uid, gid);
    fchmodSync(descriptor, mode); // after it: chown(2) takes the set-group-id bit away
  } finally {
    closeSync(descriptor);
  }
}

function userNumber(name: Directory["owner"], root: string): number | undefined {
  return name === "root" ? 0 : findUser(name, root)?.uid;
}

/** The number of a group; `undefined` if there is none yet. */
export function groupNumber(name: Directory["group"], root: string): number | undefined {
  return name === "root" ? 0 : findGroup(name, root);
}

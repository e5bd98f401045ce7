/**
 * `doctor`: owners and modes of the directories, and the room in them.
 *
 * @module
 */
import { lstatSync, type Stats, statfsSync } from "node:fs";
import { join } from "node:path";
import { blockDirectory, fifoDirectory, socketDirectory } from "../../core/paths.ts";
import { AS_ROOT, type Check, codeOf, ok, type Place, problem, warning } from "./check.ts";

const MIB = 1024 * 1024;

/** Free space below which nothing works for long, and below which it is time to make room; bytes. */
export const SPACE_PROBLEM_BYTES = 64 * MIB;
export const SPACE_WARNING_BYTES = 1024 * MIB;

const [SETGID, GROUP_WRITE, OTHERS_WRITE, GROUP_AND_OTHERS] = [0o2000, 0o020, 0o002, 0o077];

/** The directories of packaging.md 4, and the space of `D`. */
export function checkFiles(place: Place): readonly Check[] {
  const { temporaryDirectory: run, databaseDirectory: database } = place;
  return [
    directory("directory-run", run, onlyRootWrites),
    directory("directory-sockets", socketDirectory(run), (path, { mode }) =>
      (mode & OTHERS_WRITE) === 0 ? undefined : [`${path} can be written by everybody`, `chmod o-w ${path}`],
    ),
    directory("directory-fifos", fifoDirectory(run), (path, { mode }) =>
      (mode & SETGID) !== 0
        ? undefined
        : [`${path} has no set-group-id bit: albatross-console cannot read consoles`, `chmod 2770 ${path}`],
    ),
    directory("directory-database", database, onlyRootWrites),
    directory("directory-blocks", blockDirectory(database), (path, { mode }) =>
      (mode & GROUP_AND_OTHERS) === 0 ? undefined : [`${path} is open to others than its owner`, `chmod 0700 ${path}`],
    ),
    checkState(database),
    checkSpace(database),
  ].filter((check) => check !== undefined);
}

/** What is wrong, and the command against it. */
type Judge = (path: string, status: Stats) => readonly [string, string] | undefined;

/** albatrossd is root and trusts what lies here: tenders that it runs, and its state. */
const onlyRootWrites: Judge = (path, { uid, mode }) => {
  const owner = process.getuid?.() === 0 ? 0 : undefined;
  if (uid !== 0 && (owner === 0 || uid !== process.getuid?.()))
    return [
      `${path} belongs to the user ${uid}, who could put a tender there that is run as root`,
      `chown root ${path}`,
    ];
  if ((mode & (GROUP_WRITE | OTHERS_WRITE)) === 0) return undefined;
  return [`${path} can be written by others than its owner, who could put a tender there`, `chmod go-w ${path}`];
};

function directory(id: string, path: string, judge: Judge): Check {
  let status: Stats | undefined;
  try {
    status = lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    return warning(id, `this user cannot look at ${path} (${codeOf(error)})`, AS_ROOT);
  }
  if (status === undefined) return problem(id, `${path} is not there`, "Make what is missing: albatross-client init");
  if (!status.isDirectory()) return problem(id, `${path} is no directory`, `Move it away: mv ${path} ${path}.old`);
  const wrong = judge(path, status);
  if (wrong !== undefined) return problem(id, wrong[0], `Change that: ${wrong[1]}`);
  return ok(
    id,
    `${path}, mode ${(status.mode & 0o7777).toString(8).padStart(4, "0")}, owner ${status.uid}:${status.gid}`,
  );
}

/** The state has images and arguments, and the latter may have secrets. */
function checkState(database: string): Check | undefined {
  for (const name of ["albatross.sqlite", "state"]) {
    const path = join(database, name);
    try {
      const [folder, file] = [lstatSync(database), lstatSync(path)];
      const open = (folder.mode & 0o005) !== 0 && (file.mode & 0o004) !== 0;
      if (open)
        return warning(
          "state",
          `${path} can be read by everybody, with arguments of unikernels`,
          `Change that: chmod o-rx ${database}`,
        );
    } catch {
      // it is not there, or we cannot look: others cannot either
    }
  }
  return undefined;
}

function checkSpace(database: string): Check | undefined {
  let free: number;
  try {
    const { bavail, bsize } = statfsSync(database);
    free = bavail * bsize;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined; // reported already
    return warning("space", `the space in ${database} cannot be looked at (${codeOf(error)})`, AS_ROOT);
  }
  const text = `${Math.floor(free / MIB)} MB are free in ${database}`;
  const room = `Make room there: see albatross-client block, and du -sh ${database}/*`;
  if (free < SPACE_PROBLEM_BYTES) return problem("space", text, room);
  return free < SPACE_WARNING_BYTES ? warning("space", text, room) : ok("space", text);
}

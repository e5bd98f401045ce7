/**
 * Users and groups of a host, or of one below another root, as its files have them.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A user. */
export interface User {
  readonly uid: number;
  /** The primary group. */
  readonly gid: number;
}

/** The user of this name in `root`/etc/passwd. */
export function findUser(name: string, root = "/"): User | undefined {
  const [, , uid, gid] = entryOf(join(root, "etc/passwd"), name) ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

/** The number of the group of this name in `root`/etc/group. */
export function findGroup(name: string, root = "/"): number | undefined {
  const gid = entryOf(join(root, "etc/group"), name)?.[2];
  return gid === undefined ? undefined : Number(gid);
}

function entryOf(file: string, name: string): readonly string[] | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    throw error;
  }
  const fields = text.split("\n").map((line) => line.split(":"));
  return fields.find(([first]) => first === name);
}

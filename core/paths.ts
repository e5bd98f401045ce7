/**
 * Where things lie on a host (wire.md 17): pure functions from the temporary directory, the database directory and a
 * name.
 *
 * A name contains no `/`, and none of these paths ends in the bare name `.` or `..` of a directory entry, since every
 * printed name contains a colon.
 *
 * @module
 */
import type { Name } from "./name.ts";

/** The daemons with a socket, by the role they play. */
export type SocketRole = "vmmd" | "console" | "stat" | "log";

/** The directory of the daemons' sockets below the temporary directory. */
export function socketDirectory(temporaryDirectory: string): string {
  return `${temporaryDirectory}/util`;
}

/** The socket of a daemon. */
export function socketFile(temporaryDirectory: string, role: SocketRole): string {
  return `${socketDirectory(temporaryDirectory)}/${role}.sock`;
}

/** The image of a running unikernel. */
export function imageFile(temporaryDirectory: string, name: Name): string {
  return `${temporaryDirectory}/${name.text}.img`;
}

/** The directory of the console fifos. */
export function fifoDirectory(temporaryDirectory: string): string {
  return `${temporaryDirectory}/fifo`;
}

/** The console fifo of a unikernel. */
export function fifoFile(temporaryDirectory: string, name: Name): string {
  return `${fifoDirectory(temporaryDirectory)}/${name.text}`;
}

/** The directory of the block devices. */
export function blockDirectory(databaseDirectory: string): string {
  return `${databaseDirectory}/block`;
}

/** A block device, by its own name: the unikernel's path and the device's label. */
export function blockFile(databaseDirectory: string, name: Name): string {
  return `${blockDirectory(databaseDirectory)}/${name.text}`;
}

/** The original's state file: the present one, the one before, or the copy made at start-up. */
export function stateFile(databaseDirectory: string, generation: "present" | "backup" | "started" = "present"): string {
  const suffix = { present: "", backup: ".bak", started: ".started" } as const;
  return `${databaseDirectory}/state${suffix[generation]}`;
}

/** The database of albatrossd. */
export function databaseFile(databaseDirectory: string): string {
  return `${databaseDirectory}/albatross.sqlite`;
}

/** An image in the store of albatrossd, by its SHA-256 in lower-case hex. */
export function storedImageFile(databaseDirectory: string, sha256: string): string {
  return `${databaseDirectory}/images/${sha256}`;
}

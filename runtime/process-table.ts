/**
 * The processes of this host, as its operating system shows them.
 *
 * @module
 */
import { FreebsdProcessTable } from "./freebsd-process-table.ts";
import { LinuxProcessTable } from "./linux-process-table.ts";
import type { ProcessTable } from "./process-table-types.ts";

export type { ProcessTable } from "./process-table-types.ts";

/** Whether a process may not be looked into by this user. */
export function mayNotLook(error: unknown): boolean {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return code === "EACCES" || code === "EPERM";
}

/** The processes of this host. */
export const processTable: ProcessTable =
  process.platform === "freebsd" ? new FreebsdProcessTable() : new LinuxProcessTable();

/**
 * Recognising processes: by identity, command line, and marks that were left in their environment.
 *
 * @module
 */
import { mayNotLook, type ProcessTable, processTable } from "../runtime/process-table.ts";

export { bootId, identify, isAlive, type ProcessIdentity } from "../runtime/process-identity.ts";

/** A process whose environment has the variable that was looked for. */
export interface MarkedProcess {
  readonly pid: number;
  readonly value: string;
  /**
   * Effective user of the process. Every user may put any mark into the environment of their own processes: check this
   * before trusting the mark.
   */
  readonly uid: number;
}

/**
 * The command line of a process, as it shows it itself; empty for kernel threads and zombies.
 *
 * @returns `undefined` if there is no such process
 */
export function commandLineOf(pid: number, table: ProcessTable = processTable): readonly string[] | undefined {
  const bytes = table.strings(pid, "cmdline");
  if (bytes === undefined) return undefined;
  const text = bytes.toString();
  return text === "" ? [] : text.replace(/\0$/, "").split("\0");
}

function valueIn(environment: Buffer, prefix: Buffer): string | undefined {
  for (let at = environment.indexOf(prefix); at >= 0; at = environment.indexOf(prefix, at + 1)) {
    if (at > 0 && environment[at - 1] !== 0) continue; // the end of a longer name, or part of a value
    const end = environment.indexOf(0, at);
    return environment.toString("utf8", at + prefix.length, end < 0 ? environment.length : end);
  }
  return undefined;
}

/**
 * The value that a process had for an environment variable when it was started.
 *
 * @returns `undefined` if there is no such process or variable
 * @throws if this program may not look into that process
 */
export function environmentVariableOf(
  pid: number,
  key: string,
  table: ProcessTable = processTable,
): string | undefined {
  const bytes = table.strings(pid, "environ");
  return bytes === undefined ? undefined : valueIn(bytes, Buffer.from(`${key}=`));
}

/**
 * All processes of this host that have the environment variable `key`, except this one. Those that this program may not
 * look into are left out. A process that is being started at this very moment may be missed.
 */
export function findByEnvironment(key: string, table: ProcessTable = processTable): readonly MarkedProcess[] {
  const prefix = Buffer.from(`${key}=`);
  const found: MarkedProcess[] = [];
  for (const pid of table.pids()) {
    if (pid === process.pid) continue;
    try {
      const environment = table.strings(pid, "environ");
      const value = environment === undefined ? undefined : valueIn(environment, prefix);
      const uid = value === undefined ? undefined : table.uidOf(pid);
      if (value !== undefined && uid !== undefined) found.push({ pid, value, uid });
    } catch (error) {
      if (!mayNotLook(error)) throw error;
    }
  }
  return found;
}

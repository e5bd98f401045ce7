/**
 * The processes of FreeBSD: sysctl `kern.proc`.
 *
 * @module
 */
import { isZombie, KINFO_PROC, listKinfoProcs, readKinfoProc, startSinceBoot } from "./kinfo-proc.ts";
import type { ProcessTable } from "./process-table-types.ts";
import { Sysctl } from "./sysctl.ts";
import { SystemError } from "./system-error.ts";

const [CTL_KERN, KERN_PROC, KERN_PROC_ARGS, KERN_PROC_ENV] = [1, 14, 7, 35];
const EPERM = 1;

/** Times are in microseconds, the boot is `kern.boot_id`. */
export class FreebsdProcessTable implements ProcessTable {
  readonly #sysctl: Sysctl;
  #boot: string | undefined;

  constructor(sysctl: Sysctl = new Sysctl()) {
    this.#sysctl = sysctl;
  }

  bootId(): string {
    this.#boot ??= this.#sysctl.readNamed("Cannot identify the boot of this host", "kern.boot_id", 16).toHex();
    return this.#boot;
  }

  startTimeOf(pid: number, zombies: boolean): number | undefined {
    const process = readKinfoProc(this.#sysctl, pid);
    if (process === undefined || (!zombies && isZombie(process))) return undefined;
    return startSinceBoot(this.#sysctl, process);
  }

  strings(pid: number, kind: "cmdline" | "environ"): Buffer | undefined {
    const what = kind === "cmdline" ? KERN_PROC_ARGS : KERN_PROC_ENV;
    try {
      return Buffer.from(this.#sysctl.readAll(`Cannot look into process ${pid}`, [CTL_KERN, KERN_PROC, what, pid]));
    } catch (error) {
      // Those about to start or to end have none yet, or none any more, and the kernel has several words for that.
      if (error instanceof SystemError && error.errno !== EPERM) return undefined;
      throw error;
    }
  }

  pids(): readonly number[] {
    return listKinfoProcs(this.#sysctl).map((process) => process.getInt32(KINFO_PROC.pid, true));
  }

  uidOf(pid: number): number | undefined {
    return readKinfoProc(this.#sysctl, pid)?.getUint32(KINFO_PROC.uid, true);
  }
}

/**
 * What FreeBSD's kernel tells of a process: `struct kinfo_proc` of sys/user.h, which has had the same size and places on
 * 64-bit machines (amd64, arm64) from FreeBSD 12 to 15.
 *
 * @module
 */
import type { Sysctl } from "./sysctl.ts";
import { SystemError } from "./system-error.ts";

/** `KINFO_PROC_SIZE`, bytes. */
export const KINFO_PROC_SIZE = 1088;

const [CTL_KERN, KERN_PROC, KERN_PROC_PID, KERN_PROC_PROC, KERN_BOOTTIME] = [1, 14, 1, 8, 21];
const [ESRCH, SZOMB] = [3, 5];

/** Offsets of members, bytes; `start` and `usage` are structures. */
export const KINFO_PROC = {
  structSize: 0,
  pid: 72,
  uid: 168,
  size: 256,
  residentSize: 264,
  textSize: 280,
  dataSize: 288,
  stackSize: 296,
  copyOnWrite: 324,
  runtime: 328,
  start: 336,
  state: 388,
  usage: 608,
} as const;

/** Another structure than the one that is known. */
export class KinfoError extends Error {
  override readonly name = "KinfoError";
}

function checked(bytes: Uint8Array, what: string): DataView {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length < 4 ? bytes.length : view.getInt32(KINFO_PROC.structSize, true);
  if (bytes.length === KINFO_PROC_SIZE && size === KINFO_PROC_SIZE) return view;
  throw new KinfoError(
    `Cannot look at ${what}: the kernel gives ${bytes.length} bytes of a structure of ${size}, not ${KINFO_PROC_SIZE}. Use a 64-bit FreeBSD of 12 to 15`,
  );
}

/**
 * A process.
 *
 * @returns `undefined` if there is none, or the kernel hides it from this user
 * @throws {SystemError} with the kernel's refusal
 * @throws {KinfoError} if the kernel's structure is another one
 */
export function readKinfoProc(sysctl: Sysctl, pid: number): DataView | undefined {
  const what = `process ${pid}`;
  try {
    const bytes = sysctl.read(`Cannot look at ${what}`, [CTL_KERN, KERN_PROC, KERN_PROC_PID, pid], KINFO_PROC_SIZE);
    return bytes.length === 0 ? undefined : checked(bytes, what);
  } catch (error) {
    if (error instanceof SystemError && error.errno === ESRCH) return undefined;
    throw error;
  }
}

/**
 * All processes that this user can see.
 *
 * @throws {SystemError} with the kernel's refusal
 * @throws {KinfoError} if the kernel's structure is another one
 */
export function listKinfoProcs(sysctl: Sysctl): readonly DataView[] {
  const bytes = sysctl.readAll("Cannot list the processes", [CTL_KERN, KERN_PROC, KERN_PROC_PROC]);
  const processes: DataView[] = [];
  for (let at = 0; at < bytes.length; at += KINFO_PROC_SIZE) {
    processes.push(checked(bytes.subarray(at, at + KINFO_PROC_SIZE), "the processes"));
  }
  return processes;
}

/** Whether a process has ended and only waits to be reaped. */
export function isZombie(process: DataView): boolean {
  return process.getUint8(KINFO_PROC.state) === SZOMB;
}

/**
 * When a process started, microseconds since the boot. The kernel adds the time of the boot to this, and that moves when
 * the clock is set, so only the difference tells a process from another one.
 *
 * @throws {SystemError} with the kernel's refusal
 */
export function startSinceBoot(sysctl: Sysctl, process: DataView): number {
  const bytes = sysctl.read("Cannot ask for the time of the boot", [CTL_KERN, KERN_BOOTTIME], 16);
  const boot = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const microseconds = (view: DataView, at: number): bigint =>
    view.getBigInt64(at, true) * 1_000_000n + view.getBigInt64(at + 8, true);
  return Number(microseconds(process, KINFO_PROC.start) - microseconds(boot, 0));
}

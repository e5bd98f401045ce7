/**
 * A program for the sandbox's test: closes the sandbox, then does what its first argument says.
 *
 * @module
 */

import { complainRaw, exitNow } from "../../../backends/tender/console.ts";
import { libc } from "../../../backends/tender/libc.ts";
import { enterSandbox } from "../../../backends/tender/seccomp.ts";
import { addressOf, cString, errno } from "../../../runtime/ffi.ts";

/** Hot code with objects, strings, typed arrays and closures: compiled several times over, with much garbage. */
function work(): number {
  let sum = 0;
  let kept: unknown[] = [];
  const until = performance.now() + 1500;
  for (let round = 0; performance.now() < until; round++) {
    kept.push(Array.from({ length: 50 }, (_, at) => ({ at, text: `${at}-${round}`, bytes: new Uint8Array(200) })));
    if (kept.length > 500) kept = [];
    for (let at = 0; at < 2000; at++) sum = (Math.imul(sum, 31) + at) | 0;
    if (round % 100 === 0) sum += Math.hypot(...Array.from({ length: 100 }, (_, at) => at)) | 0;
  }
  return Math.abs(sum);
}

const path = cString("/etc/passwd");
const probes: Record<string, () => number> = {
  work,
  open: () => libc.open(path, 0),
  socket: () => libc.socket(1, 1, 0),
  unlink: () => Number(libc.syscall(87, addressOf(path), 0, 0, 0, 0)),
  "kill parent": () => Number(libc.syscall(62, process.ppid, 15, 0, 0, 0)),
  "tgkill parent": () => Number(libc.syscall(234, process.ppid, process.ppid, 15, 0, 0)),
  "tap ioctl": () => libc.ioctl(0, 0x400454ca, 0),
  "type into the terminal": () => libc.ioctl(0, 0x5412, addressOf(path)),
  execve: () => Number(libc.syscall(59, addressOf(path), 0, 0, 0, 0)),
  fork: () => Number(libc.syscall(57, 0, 0, 0, 0, 0)),
  "clone without thread": () => Number(libc.syscall(56, 17, 0, 0, 0, 0)),
  ptrace: () => Number(libc.syscall(101, 0, 0, 0, 0, 0)),
  "x32 call": () => Number(libc.syscall(0x40000000, 0, 0, 0, 0, 0)),
};

enterSandbox();
const result = probes[process.argv[2] ?? ""]?.() ?? 99;
complainRaw(result < 0 ? `errno ${errno()}\n` : "done\n");
exitNow(0);

/**
 * Ending the tender by SIGINT and SIGTERM.
 *
 * While the guest runs, the thread that would run JavaScript signal handlers is inside KVM or the emulator. So the
 * handlers are a few machine instructions in a page of their own: they say what happened, if standard error takes it
 * without waiting, and end the process with status 1. Where this page cannot be made (another architecture, or a system
 * that forbids new executable pages), the default action stays, and the signal kills the process.
 *
 * @module
 */
import { memoryAt } from "../../runtime/ffi.ts";
import { libc, mapPrivate, PROT_EXEC, PROT_READ } from "./libc.ts";
import { PROGRAM_NAME } from "./tender-error.ts";

const SIGINT = 2;
const SIGTERM = 15;
const PAGE = 0x1000;
/** Bytes of `struct sigaction` of the C library: handler, 128 bytes of mask, flags, restorer. */
const SIGACTION_SIZE = 152;
const SIG_UNBLOCK = 1;

/** Machine code of a handler; the text follows it directly. */
function handlerCode(textLength: number): Uint8Array {
  const code = [
    "48b8 0200000004000000", // mov rax, {descriptor 2, POLLOUT}
    "50", // push rax
    "4889e7", // mov rdi, rsp
    "be 01000000", // mov esi, 1
    "31d2", // xor edx, edx: do not wait
    "b8 07000000", // mov eax, poll
    "0f05", // syscall
    "807c2406 04", // cmp byte [rsp + 6], POLLOUT: writable, and no error
    "75 18", // jne behind the write
    "b8 01000000", // mov eax, write
    "bf 02000000", // mov edi, 2
    "488d35 13000000", // lea rsi, [rip + distance to the text]
    `ba ${textLength.toString(16).padStart(2, "0")}000000`, // mov edx, length
    "0f05", // syscall
    "b8 e7000000", // mov eax, exit_group
    "bf 01000000", // mov edi, 1
    "0f05", // syscall
  ];
  const digits = code.join("").replaceAll(" ", "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
  );
}

/** Installs the handlers. Call it once, before the guest runs. */
export function exitOnSignals(): void {
  unblock();
  if (process.arch !== "x64") return;
  const address = mapPrivate(PAGE);
  const page = memoryAt(address, PAGE);
  const handlers = new Map<number, number>();
  let at = 0;
  for (const signal of [SIGINT, SIGTERM]) {
    const text = new TextEncoder().encode(`${PROGRAM_NAME}: Exiting on signal ${signal}\n`);
    const code = handlerCode(text.length);
    page.set(code, at);
    page.set(text, at + code.length);
    handlers.set(signal, address + at);
    at += code.length + text.length;
  }
  if (libc.mprotect(address, PAGE, PROT_READ | PROT_EXEC) !== 0) {
    libc.munmap(address, PAGE);
    return;
  }
  for (const [signal, handler] of handlers) {
    const action = new Uint8Array(SIGACTION_SIZE);
    const view = new DataView(action.buffer);
    view.setBigUint64(0, BigInt(handler), true);
    action.fill(0xff, 8, 136); // nothing may interrupt the handler
    libc.sigaction(signal, action, 0);
  }
}

/** A parent that blocks the signals would make its children immune against them. */
function unblock(): void {
  const mask = new BigUint64Array([(1n << BigInt(SIGINT - 1)) | (1n << BigInt(SIGTERM - 1))]);
  libc.pthread_sigmask(SIG_UNBLOCK, mask, 0);
}

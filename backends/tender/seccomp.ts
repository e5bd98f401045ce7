/**
 * The sandbox: which system calls the process may still make while the guest runs.
 *
 * The list is what the runtime's own threads (compiler, garbage collector) and the hypercalls need. Everything else fails
 * with EPERM, so that a runtime that tries something optional goes on; what only an attacker would try kills the process.
 *
 * @module
 */
import { addressOf } from "../../runtime/ffi.ts";
import { KVM_GET_REGS, KVM_RUN } from "./cpu-kvm.ts";
import { libc, SystemError } from "./libc.ts";
import { TenderError } from "./tender-error.ts";

const SYS_SECCOMP = 317;
const SET_MODE_FILTER = 1;
const FLAG_TSYNC = 1;
const PR_SET_NO_NEW_PRIVS = 38;
const AUDIT_ARCH_X86_64 = 0xc000003e;
const X32_BIT = 0x40000000;
const CLONE_THREAD = 0x10000;

const KILL_PROCESS = 0x80000000;
const ALLOW = 0x7fff0000;
const FAIL_EPERM = 0x00050001;
const FAIL_ENOSYS = 0x00050026;

/** Offsets in the kernel's `struct seccomp_data`; arguments are 8 bytes each, low half first. */
const AT_NUMBER = 0;
const AT_ARCHITECTURE = 4;
const AT_ARGUMENTS = 16;

/** Calls that are harmless with any arguments, x86-64 numbers. */
const ALLOWED: readonly number[] = [
  0, // read
  1, // write
  3, // close
  5, // fstat
  7, // poll
  8, // lseek
  9, // mmap: the runtime compiles code
  10, // mprotect
  11, // munmap
  12, // brk
  13, // rt_sigaction
  14, // rt_sigprocmask
  15, // rt_sigreturn
  17, // pread64
  18, // pwrite64
  19, // readv
  20, // writev
  24, // sched_yield
  25, // mremap
  28, // madvise
  35, // nanosleep
  39, // getpid
  60, // exit
  96, // gettimeofday
  98, // getrusage
  99, // sysinfo
  102, // getuid
  131, // sigaltstack
  140, // getpriority
  143, // sched_getparam
  145, // sched_getscheduler
  186, // gettid
  202, // futex
  203, // sched_setaffinity
  204, // sched_getaffinity
  218, // set_tid_address
  219, // restart_syscall
  228, // clock_gettime
  229, // clock_getres
  230, // clock_nanosleep
  231, // exit_group
  232, // epoll_wait
  233, // epoll_ctl
  271, // ppoll
  273, // set_robust_list
  281, // epoll_pwait
  286, // timerfd_settime
  309, // getcpu
  318, // getrandom
  324, // membarrier
  334, // rseq
  441, // epoll_pwait2
];

/** Calls that nothing in this process has a reason for: whoever makes one has taken it over. */
const DEADLY: readonly number[] = [
  57, // fork
  58, // vfork
  59, // execve
  101, // ptrace
  155, // pivot_root
  161, // chroot
  165, // mount
  175, // init_module
  246, // kexec_load
  272, // unshare
  308, // setns
  310, // process_vm_readv
  311, // process_vm_writev
  313, // finit_module
  321, // bpf
  322, // execveat
  323, // userfaultfd
  425, // io_uring_setup
];

const CALL_IOCTL = 16;
const CALL_CLONE = 56;
const CALL_PRCTL = 157;
const CALL_TKILL = 200;
const CALL_TGKILL = 234;
const CALL_CLONE3 = 435;

/** Names for threads and memory. */
const PR_SET_NAME = 15;
const PR_SET_VMA = 0x53564d41;

/** Opcodes of the classic Berkeley packet filter. */
const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_SET = 0x45;
const JUMP_GREATER_EQUAL = 0x35;
const RETURN = 0x06;

/** One instruction: opcode, jump if true, jump if false, operand. */
type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, operand: number];

const load = (offset: number): Instruction => [LOAD, 0, 0, offset];
const answer = (value: number): Instruction => [RETURN, 0, 0, value];

/** A call by number: the instructions decide on it, and end in an answer. */
function onCall(number: number, instructions: readonly Instruction[]): Instruction[] {
  return [[JUMP_EQUAL, 0, instructions.length, number], ...instructions];
}

/** Allows a call if the low half of an argument has one of these values. */
function allowIfArgument(index: number, values: readonly number[]): Instruction[] {
  const checks = values.flatMap((value): Instruction[] => [[JUMP_EQUAL, 0, 1, value], answer(ALLOW)]);
  return [load(AT_ARGUMENTS + 8 * index), ...checks, answer(FAIL_EPERM)];
}

/** The whole filter. `process` is the own process id: signals may only go there. */
function filter(process: number): Instruction[] {
  return [
    load(AT_ARCHITECTURE),
    [JUMP_EQUAL, 1, 0, AUDIT_ARCH_X86_64],
    answer(KILL_PROCESS),
    load(AT_NUMBER),
    [JUMP_GREATER_EQUAL, 0, 1, X32_BIT],
    answer(KILL_PROCESS),
    // First what is called most.
    ...onCall(CALL_IOCTL, allowIfArgument(1, [KVM_RUN, KVM_GET_REGS])),
    ...ALLOWED.flatMap((number) => onCall(number, [answer(ALLOW)])),
    ...onCall(CALL_TKILL, [answer(FAIL_EPERM)]),
    ...onCall(CALL_TGKILL, allowIfArgument(0, [process])),
    ...onCall(CALL_PRCTL, allowIfArgument(0, [PR_SET_NAME, PR_SET_VMA])),
    ...onCall(CALL_CLONE, [load(AT_ARGUMENTS), [JUMP_SET, 0, 1, CLONE_THREAD], answer(ALLOW), answer(KILL_PROCESS)]),
    // Its flags lie in memory, where a filter cannot look; the C library then uses clone.
    ...onCall(CALL_CLONE3, [answer(FAIL_ENOSYS)]),
    ...DEADLY.flatMap((number) => onCall(number, [answer(KILL_PROCESS)])),
    answer(FAIL_EPERM),
  ];
}

/**
 * Closes the sandbox around all threads of the process, for good.
 *
 * On other architectures than x86-64 there is no list yet, and it does nothing.
 *
 * @returns whether the sandbox is closed
 * @throws {TenderError} if the kernel refuses
 */
export function enterSandbox(): boolean {
  if (process.arch !== "x64") return false;
  if (libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) !== 0) throw refused("no_new_privs");
  const instructions = filter(libc.getpid());
  const program = new DataView(new ArrayBuffer(8 * instructions.length));
  for (const [index, [code, whenTrue, whenFalse, operand]] of instructions.entries()) {
    program.setUint16(8 * index, code, true);
    program.setUint8(8 * index + 2, whenTrue);
    program.setUint8(8 * index + 3, whenFalse);
    program.setUint32(8 * index + 4, operand, true);
  }
  const code = new Uint8Array(program.buffer);
  const header = new BigUint64Array([BigInt(instructions.length), BigInt(addressOf(code))]);
  if (libc.syscall(SYS_SECCOMP, SET_MODE_FILTER, FLAG_TSYNC, addressOf(header), 0, 0) !== 0) throw refused("seccomp");
  return true;
}

function refused(what: string): TenderError {
  const cause = new SystemError();
  return new TenderError(`Could not close the sandbox by ${what}: ${cause.message}`, { cause });
}

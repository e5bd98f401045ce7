/**
 * Watching and signalling processes on FreeBSD: kqueue tells of their end, and how they ended, also of those that are no
 * children. `struct kevent` is that of sys/event.h since FreeBSD 12.
 *
 * @module
 */
import { closeDescriptor, closeOnExec } from "./descriptor.ts";
import { errno, libcNames, openLibrary } from "./ffi.ts";
import type { ExitStatus } from "./process.ts";
import { isAlive, isAliveOrZombie, type ProcessIdentity } from "./process-identity.ts";
import { type ProcessWatch, WATCH_INTERVAL, type WatchOptions } from "./process-watch-types.ts";
import { SystemError } from "./system-error.ts";

const [EVFILT_PROC, NOTE_EXIT] = [-5, 0x8000_0000];
const [EV_ADD, EV_DELETE, EV_ONESHOT] = [0x1, 0x2, 0x10];
const [FILTER, FLAGS, FILTER_FLAGS, DATA, EVENT_SIZE] = [8, 10, 12, 16, 64];
const [ESRCH, EINTR, WNOHANG] = [3, 4, 1];

/** How many ends are taken from the kernel at once; more are taken in further rounds. */
const EVENTS_PER_ROUND = 64;

/** What the kernel says of an end, as wait(2) does. */
export function exitStatusOf(status: number): ExitStatus {
  const signal = status & 0x7f;
  return signal === 0 ? { kind: "exit", code: (status >> 8) & 0xff } : { kind: "signal", signal };
}

interface Calls {
  kqueue(): number;
  kevent(
    queue: number,
    changes: Uint8Array | null,
    changeCount: number,
    events: Uint8Array | null,
    eventCount: number,
    timeout: Uint8Array,
  ): number;
  kill(pid: number, signal: number): number;
  waitpid(pid: number, status: number, options: number): number;
}

type Ended = (status: ExitStatus) => void;

/** Watches and signals processes. */
export class FreebsdProcessWatches {
  readonly #names: readonly string[];
  readonly #ended = new Map<number, Set<Ended>>();
  #loaded: Calls | undefined;
  /** Exists only while something is watched. */
  #queue: { readonly descriptor: number; readonly timer: NodeJS.Timeout } | undefined;

  /** @param names of the C library; opened at the first call */
  constructor(names: readonly string[] = libcNames) {
    this.#names = names;
  }

  /** See `watchProcess`. */
  watch(identity: ProcessIdentity, options: WatchOptions = {}): ProcessWatch {
    const { promise, resolve } = Promise.withResolvers<ExitStatus>();
    const exists = options.reap === true ? isAliveOrZombie : isAlive;
    const { pid } = identity;
    let watched = false;
    const ended = (status: ExitStatus) => {
      watched = false;
      if (options.reap === true) this.#calls().waitpid(pid, 0, WNOHANG);
      resolve(status);
    };
    const close = () => {
      if (watched) this.#remove(pid, ended);
      watched = false;
    };
    watched = exists(identity) && this.#add(pid, ended);
    // Its id may have been reused before the kernel was told; from now on its end is not missed.
    if (watched && !exists(identity)) close();
    if (!watched) resolve({ kind: "unknown" });
    return {
      identity,
      exited: promise,
      signal: (signal) => watched && this.signal(identity, signal),
      look: () => this.#look(),
      close,
    };
  }

  /**
   * See `signalProcess`. Between the look at the process and the signal it could end, and its id be given to another one:
   * FreeBSD has no handle on a process that is no child, but gives ids in turn, and none at once again.
   */
  signal(identity: ProcessIdentity, signal: number): boolean {
    if (!isAlive(identity)) return false;
    if (this.#calls().kill(identity.pid, signal) === 0) return true;
    const code = errno();
    if (code === ESRCH) return false;
    throw new SystemError(`Cannot send signal ${signal} to a process`, code);
  }

  #calls(): Calls {
    this.#loaded ??= openLibrary(this.#names, {
      kqueue: { args: [], returns: "i32" },
      kevent: { args: ["i32", "buffer", "i32", "buffer", "i32", "buffer"], returns: "i32" },
      kill: { args: ["i32", "i32"], returns: "i32" },
      waitpid: { args: ["i32", "pointer", "i32"], returns: "i32" },
    });
    return this.#loaded;
  }

  #open(): number {
    if (this.#queue === undefined) {
      const descriptor = this.#calls().kqueue();
      if (descriptor < 0) throw new SystemError("Cannot watch processes", errno());
      closeOnExec(descriptor);
      this.#queue = { descriptor, timer: setInterval(() => this.#look(), WATCH_INTERVAL) };
    }
    return this.#queue.descriptor;
  }

  #closeIfIdle(): void {
    if (this.#queue === undefined || this.#ended.size > 0) return;
    clearInterval(this.#queue.timer);
    closeDescriptor(this.#queue.descriptor);
    this.#queue = undefined;
  }

  /** @returns 0, or the number of the error */
  #change(pid: number, flags: number): number {
    const change = new Uint8Array(EVENT_SIZE);
    const view = new DataView(change.buffer);
    view.setBigUint64(0, BigInt(pid), true);
    view.setInt16(FILTER, EVFILT_PROC, true);
    view.setUint16(FLAGS, flags, true);
    view.setUint32(FILTER_FLAGS, NOTE_EXIT, true);
    const made = this.#calls().kevent(this.#open(), change, 1, null, 0, new Uint8Array(16));
    return made < 0 ? errno() : 0;
  }

  /** @returns `false` if there is no such process */
  #add(pid: number, ended: Ended): boolean {
    const others = this.#ended.get(pid);
    if (others !== undefined) {
      others.add(ended);
      return true;
    }
    const code = this.#change(pid, EV_ADD | EV_ONESHOT);
    if (code === 0) this.#ended.set(pid, new Set([ended]));
    this.#closeIfIdle();
    if (code !== 0 && code !== ESRCH) throw new SystemError(`Cannot watch process ${pid}`, code);
    return code === 0;
  }

  #remove(pid: number, ended: Ended): void {
    const watchers = this.#ended.get(pid);
    watchers?.delete(ended);
    if (watchers?.size !== 0) return;
    this.#ended.delete(pid);
    this.#change(pid, EV_DELETE); // fails if it has just ended: it is out then, too
    this.#closeIfIdle();
  }

  #look(): void {
    if (this.#queue === undefined) return;
    const events = new Uint8Array(EVENT_SIZE * EVENTS_PER_ROUND);
    const view = new DataView(events.buffer);
    let count = EVENTS_PER_ROUND;
    while (count === EVENTS_PER_ROUND) {
      count = this.#calls().kevent(this.#queue.descriptor, null, 0, events, EVENTS_PER_ROUND, new Uint8Array(16));
      if (count < 0) {
        const code = errno();
        if (code === EINTR) return; // the next look finds them
        throw new SystemError("Cannot look for ended processes", code);
      }
      for (let at = 0; at < count; at++) {
        const pid = Number(view.getBigUint64(EVENT_SIZE * at, true));
        const status = exitStatusOf(Number(view.getBigInt64(EVENT_SIZE * at + DATA, true)));
        const watchers = this.#ended.get(pid);
        this.#ended.delete(pid);
        for (const ended of watchers ?? []) ended(status);
      }
    }
    this.#closeIfIdle();
  }
}

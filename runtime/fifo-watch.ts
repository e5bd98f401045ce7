/**
 * Reading many fifos on Linux: idle ones wait for an inotify event, busy ones are read once a millisecond.
 *
 * A one-shot watch on the fifo's inode fires at the first write or close. The fifo is then busy: it is read in large
 * pieces by a timer, without further events, until a round finds nothing; then it is armed again. Between arming and
 * waiting it is read once more, so that nothing written in between is missed. Now and then all idle ones are looked at: an
 * event that was lost on its way through the runtime would otherwise keep a writer waiting for ever.
 *
 * @module
 */
import { closeSync } from "node:fs";
import { cString, errno, libcNames, openLibrary } from "./ffi.ts";
import type { FifoHandlers, FifoReader, OpenFifo } from "./fifo-reader.ts";
import { SystemError } from "./system-error.ts";

/** Bytes read at once, and at most per fifo and round, so that many busy fifos share the thread. */
export const READ_SIZE = 256 * 1024;

/** The capacity that a busy fifo is given, where the system allows it (`fs.pipe-max-size`, `fs.pipe-user-pages-soft`). */
export const BUSY_CAPACITY = 1024 * 1024;

/** A fifo's capacity before it is enlarged. */
const INITIAL_CAPACITY = 64 * 1024;

/** Milliseconds between two events of a fifo, from which on it is armed at once again, without a round in between. */
const CALM_MS = 5;

/** A calm fifo that has more than this to read is busy all the same: bytes. */
const CALM_BYTES = 4096;

/** Milliseconds between two rounds over the busy fifos. */
const ROUND_MS = 1;

/** Milliseconds between two looks at the idle fifos. */
export const LOOK_MS = 1_000;

const IN_MODIFY = 0x2;
const IN_CLOSE_WRITE = 0x8;
const IN_IGNORED = 0x8000;
const IN_ONESHOT = 0x8000_0000;
const IN_NONBLOCK = 0o4000;
const IN_CLOEXEC = 0o2000000;
const F_SETPIPE_SZ = 1031;
const POLLIN = 1;
const POLLHUP = 16;
const EAGAIN = 11;
const EINTR = 4;

const open = () =>
  openLibrary(libcNames, {
    read: { args: ["i32", "buffer", "u64"], returns: "i64" },
    poll: { args: ["buffer", "u64", "i32"], returns: "i32" },
    fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
    inotify_init1: { args: ["i32"], returns: "i32" },
    inotify_add_watch: { args: ["i32", "buffer", "u32"], returns: "i32" },
    inotify_rm_watch: { args: ["i32", "i32"], returns: "i32" },
  });
let library: ReturnType<typeof open> | undefined;

export interface FifoWatch {
  /** Reads `open` and closes it at the end; `undefined` if the system has no watch left for it. */
  read(open: OpenFifo, handlers: FifoHandlers): FifoReader | undefined;
}

class Reader implements FifoReader {
  readonly open: OpenFifo;
  readonly handlers: FifoHandlers;
  readonly path: Uint8Array;
  readonly #watch: Watch;
  capacity = INITIAL_CAPACITY;
  held = false;
  closed = false;
  /** When its last event came. */
  lastEvent = 0;
  /** Its events are rare. */
  calm = false;
  /** The armed watch; 0 if none. */
  wd = 0;

  constructor(watch: Watch, opened: OpenFifo, handlers: FifoHandlers) {
    this.#watch = watch;
    this.open = opened;
    this.handlers = handlers;
    this.path = cString(`/proc/self/fd/${opened.fd}`); // exactly this inode, wherever its name points to by now
  }

  sameFifo(other: FifoReader): boolean {
    return other instanceof Reader && other.open.inode === this.open.inode && other.open.device === this.open.device;
  }

  hold(): void {
    this.held = true;
  }

  release(): void {
    if (!this.held) return;
    this.held = false;
    this.#watch.wake(this);
  }

  drain(): void {
    if (!this.closed) this.#watch.fill(this, this.capacity + 1, true);
  }

  close(): void {
    this.#watch.forget(this);
  }
}

const readEvents = (inotify: number) => Bun.file(inotify).stream().getReader();

class Watch implements FifoWatch {
  readonly #c: ReturnType<typeof open>;
  readonly #inotify: number;
  readonly #gone: () => void;
  readonly #readers = new Set<Reader>();
  readonly #armed = new Map<number, Reader>();
  readonly #busy = new Set<Reader>();
  readonly #buffer = new Uint8Array(READ_SIZE);
  readonly #pollfd = new Int32Array(2);
  readonly #events: ReturnType<typeof readEvents>;
  readonly #looking = setInterval(() => this.#look(), LOOK_MS);
  #scheduled = false;

  constructor(c: ReturnType<typeof open>, inotify: number, gone: () => void) {
    this.#c = c;
    this.#inotify = inotify;
    this.#gone = gone;
    this.#events = readEvents(inotify);
    void this.#listen();
  }

  read(opened: OpenFifo, handlers: FifoHandlers): FifoReader | undefined {
    const reader = new Reader(this, opened, handlers);
    this.#readers.add(reader);
    if (this.#arm(reader)) {
      this.wake(reader);
      return reader;
    }
    this.#readers.delete(reader);
    this.#closeIfUnused();
    return undefined;
  }

  /** Has `reader` read in the next round. */
  wake(reader: Reader): void {
    if (reader.closed) return;
    this.#busy.add(reader);
    this.#schedule(true);
  }

  forget(reader: Reader): void {
    if (reader.closed) return;
    reader.closed = true;
    this.#disarm(reader);
    this.#busy.delete(reader);
    this.#readers.delete(reader);
    closeSync(reader.open.fd);
    this.#closeIfUnused();
  }

  /**
   * Reads `limit` bytes, or less if there is less.
   *
   * @param thorough reads until the system says that there is nothing, which also shows the end
   * @returns how many there were; -1 after the end
   */
  fill(reader: Reader, limit: number, thorough = false): number {
    let got = 0;
    while (got < limit) {
      const read = Number(this.#c.read(reader.open.fd, this.#buffer, this.#buffer.length));
      if (read > 0) {
        got += read;
        reader.handlers.data(this.#buffer.subarray(0, read));
        if (reader.closed) return -1;
        if (read < this.#buffer.length && !thorough) return got; // it is empty: one call saved
      } else if (read === 0) {
        // No writer: either the last one has closed, or none has come yet.
        if (!this.#hungUp(reader)) return got;
        this.forget(reader);
        reader.handlers.end(undefined);
        return -1;
      } else {
        const code = errno();
        if (code === EINTR) continue;
        if (code === EAGAIN) return got;
        this.forget(reader);
        reader.handlers.end(new SystemError("Cannot read the fifo", code));
        return -1;
      }
    }
    return got;
  }

  #hungUp(reader: Reader): boolean {
    this.#pollfd[0] = reader.open.fd;
    this.#pollfd[1] = POLLIN; // little endian: the requested events are the low half, the result the high half
    const ready = this.#c.poll(this.#pollfd, 1, 0);
    return ready > 0 && (((this.#pollfd[1] ?? 0) >>> 16) & POLLHUP) !== 0;
  }

  #arm(reader: Reader): boolean {
    if (reader.wd !== 0) return true;
    const wd = this.#c.inotify_add_watch(this.#inotify, reader.path, IN_MODIFY | IN_CLOSE_WRITE | IN_ONESHOT);
    if (wd < 0) return false;
    // Two readers of one inode share its watch descriptor: the other one is woken in passing.
    const other = this.#armed.get(wd);
    if (other !== undefined && other !== reader) {
      other.wd = 0;
      this.wake(other);
    }
    reader.wd = wd;
    this.#armed.set(wd, reader);
    return true;
  }

  #disarm(reader: Reader): void {
    if (reader.wd === 0) return;
    this.#armed.delete(reader.wd);
    this.#c.inotify_rm_watch(this.#inotify, reader.wd);
    reader.wd = 0;
  }

  #schedule(now: boolean): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (now) setImmediate(() => this.#round());
    else setTimeout(() => this.#round(), ROUND_MS);
  }

  #round(): void {
    this.#scheduled = false;
    let full = false;
    for (const reader of [...this.#busy]) {
      if (reader.closed) continue;
      if (reader.held) {
        this.#busy.delete(reader);
        continue;
      }
      let got = this.fill(reader, READ_SIZE);
      const little = got === 0 || (reader.calm && got > 0 && got < CALM_BYTES);
      // Where no watch is left for it, it stays among the busy ones: polled, but not lost.
      if (little && !reader.held && this.#arm(reader)) {
        got = this.fill(reader, READ_SIZE);
        if (got === 0) this.#busy.delete(reader); // and armed: the next write wakes it
      }
      reader.calm = false;
      if (got < 0) continue;
      if (got >= INITIAL_CAPACITY / 2 && reader.capacity < BUSY_CAPACITY) this.#enlarge(reader);
      if (got >= Math.min(READ_SIZE, reader.capacity / 2)) full = true;
    }
    if (this.#busy.size > 0) this.#schedule(full);
  }

  /** A larger fifo lets the writer go on between two rounds. Refused, it stays as it is and is read without pause. */
  #enlarge(reader: Reader): void {
    const capacity = this.#c.fcntl(reader.open.fd, F_SETPIPE_SZ, BUSY_CAPACITY);
    if (capacity > 0) reader.capacity = capacity;
  }

  async #listen(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#events.read();
        if (done) return;
        this.#dispatch(value);
      }
    } catch (error) {
      const failure = new Error("Cannot wait for fifos: reading inotify events failed", { cause: error });
      for (const reader of [...this.#readers]) {
        this.forget(reader);
        reader.handlers.end(failure);
      }
    }
  }

  #dispatch(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + 16 <= bytes.length; at += 16 + view.getUint32(at + 12, true)) {
      if ((view.getUint32(at + 4, true) & IN_IGNORED) !== 0) continue; // follows every one-shot event
      const wd = view.getInt32(at, true);
      const reader = this.#armed.get(wd);
      if (reader === undefined) continue;
      this.#armed.delete(wd);
      reader.wd = 0;
      const now = performance.now();
      reader.calm = now - reader.lastEvent > CALM_MS;
      reader.lastEvent = now;
      this.wake(reader);
    }
  }

  /** Wakes those among the idle ones that have something: their events did not arrive. */
  #look(): void {
    const idle = [...this.#readers].filter((reader) => !reader.held && !this.#busy.has(reader));
    const entries = new Int32Array(2 * idle.length);
    for (const [at, reader] of idle.entries()) {
      entries[2 * at] = reader.open.fd;
      entries[2 * at + 1] = POLLIN;
    }
    if (idle.length === 0 || this.#c.poll(entries, idle.length, 0) <= 0) return;
    for (const [at, reader] of idle.entries()) {
      if ((entries[2 * at + 1] ?? 0) >>> 16 === 0) continue;
      this.#disarm(reader);
      this.wake(reader);
    }
  }

  #closeIfUnused(): void {
    if (this.#readers.size > 0) return;
    clearInterval(this.#looking);
    this.#gone();
    const close = () => closeSync(this.#inotify);
    this.#events.cancel().then(close, close);
  }
}

/**
 * Starts watching.
 *
 * @param gone called when the last fifo is closed and the watch with it
 * @returns `undefined` where there is no inotify, or none left
 */
export function openFifoWatch(gone: () => void): FifoWatch | undefined {
  if (process.platform !== "linux") return undefined;
  library ??= open();
  const inotify = library.inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  return inotify < 0 ? undefined : new Watch(library, inotify, gone);
}

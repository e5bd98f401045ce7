/**
 * The eight hypercalls (solo5-abi.md 8).
 *
 * Every address, length and handle here comes from the guest and may be anything. What breaks a rule ends the tender with
 * status 1; nothing is ever thrown out of {@link Hypercalls.write}, because an emulator's C frames may lie below it.
 *
 * @module
 */
import type { BlockDevice } from "./block-device.ts";
import { complain, complainRaw, exitNow, writeConsole } from "./console.ts";
import type { GuestPorts } from "./cpu.ts";
import { libc, SystemError } from "./libc.ts";
import type { GuestMemory } from "./memory.ts";
import type { Tap } from "./tap.ts";
import { ReadinessWait } from "./wait.ts";

const FIRST_PORT = 0x500;
/** Numbers from 1 to this one are hypercalls; the number is added to the first port. */
const LAST_NUMBER = 8;

/** Bytes behind the address of a halt's cookie. */
const COOKIE_SIZE = 512;

const OK = 0;
const AGAIN = 1;
const EINVAL = 2;

const CLOCK_REALTIME = 0;
const NANOSECONDS = 1_000_000_000;

/** Attached devices, by handle. */
export interface Devices {
  readonly blocks: ReadonlyMap<number, BlockDevice>;
  readonly networks: ReadonlyMap<number, Tap>;
}

/** One of the hypercalls. */
interface Call {
  /** Bytes of its argument structure. */
  readonly size: number;
  /** Whether results are written into the structure. */
  readonly writes: boolean;
  readonly run: (at: number) => void;
}

/** Carries out what the guest asks for. */
export class Hypercalls implements GuestPorts {
  readonly #memory: GuestMemory;
  readonly #blocks: ReadonlyMap<number, BlockDevice>;
  readonly #networks: ReadonlyMap<number, Tap>;
  readonly #handles: readonly number[];
  readonly #polled: ReadinessWait;
  readonly #time = new Uint32Array(4);
  /** By number; those of absent kinds of devices are missing. */
  readonly #calls: readonly (Call | undefined)[];

  constructor(memory: GuestMemory, devices: Devices) {
    this.#memory = memory;
    this.#blocks = devices.blocks;
    this.#networks = devices.networks;
    this.#handles = [...devices.networks.keys()];
    this.#polled = new ReadinessWait([...devices.networks.values()].map((tap) => tap.descriptor));
    const hasBlocks = this.#blocks.size > 0;
    const hasNetworks = this.#networks.size > 0;
    this.#calls = [
      undefined,
      { size: 8, writes: true, run: (at) => this.#wallTime(at) },
      { size: 16, writes: false, run: (at) => this.#puts(at) },
      { size: 24, writes: true, run: (at) => this.#poll(at) },
      hasBlocks ? { size: 40, writes: true, run: (at) => this.#block(at, true) } : undefined,
      hasBlocks ? { size: 40, writes: true, run: (at) => this.#block(at, false) } : undefined,
      hasNetworks ? { size: 32, writes: true, run: (at) => this.#netWrite(at) } : undefined,
      hasNetworks ? { size: 32, writes: true, run: (at) => this.#netRead(at) } : undefined,
      { size: 16, writes: false, run: (at) => this.#halt(at) },
    ];
  }

  /** An arrow, because the CPU calls it without its object. */
  readonly refuse = (port: number): never => {
    complain(`Invalid guest port access: port=0x${port.toString(16)}`);
    return exitNow(1);
  };

  /** Does a hypercall, to its end. */
  readonly write = (port: number, at: number): void => {
    try {
      this.#call(port, at);
    } catch (error) {
      complain(`Cannot carry out hypercall ${port - FIRST_PORT}: ${error instanceof Error ? error.message : error}`);
      exitNow(1);
    }
  };

  #call(port: number, at: number): void {
    const number = port - FIRST_PORT;
    const call = this.#calls[number];
    if (call === undefined) {
      if (number < 0 || number > LAST_NUMBER) this.refuse(port);
      complain(`Invalid guest hypercall: num=${number}`);
      exitNow(1);
    }
    const allowed = call.writes ? this.#memory.writable(at, call.size) : this.#memory.readable(at, call.size);
    if (!allowed) this.#invalidAccess(at, call.size);
    call.run(at);
  }

  #invalidAccess(address: number, size: number): never {
    complain(`Invalid guest access: gpa=0x${address.toString(16)}, sz=${size}`);
    return exitNow(1);
  }

  /** The address in this process of a buffer the guest names. */
  #buffer(address: number, size: number, write: boolean): number {
    const allowed = write ? this.#memory.writable(address, size) : this.#memory.readable(address, size);
    return allowed ? this.#memory.address + address : this.#invalidAccess(address, size);
  }

  /** In the original's words, which have no prefix here. */
  #deviceError(what: string, reason: string): never {
    complainRaw(`Fatal error when ${what}: ${reason}\n`);
    return exitNow(1);
  }

  #wallTime(at: number): void {
    libc.clock_gettime(CLOCK_REALTIME, this.#time);
    const [low = 0, high = 0, nanoseconds = 0] = this.#time;
    // seconds * 10^9 does not fit a number exactly: multiply in two parts of 16 bits below and the rest above.
    const upper = (high * 0x1_0000 + (low >>> 16)) * NANOSECONDS;
    const lower = (upper % 0x1_0000) * 0x1_0000 + (low & 0xffff) * NANOSECONDS + nanoseconds;
    this.#memory.view.setUint32(at, lower % 0x1_0000_0000, true);
    this.#memory.view.setUint32(at + 4, Math.floor(upper / 0x1_0000) + Math.floor(lower / 0x1_0000_0000), true);
  }

  #puts(at: number): void {
    const address = this.#memory.u64(at);
    const length = this.#memory.u64(at + 8);
    const buffer = this.#buffer(address, length, false);
    try {
      writeConsole(buffer, length);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      complain(`Cannot write to the console, standard output: ${error.message}`);
      exitNow(1);
    }
  }

  #poll(at: number): void {
    const { view } = this.#memory;
    const count = this.#polled.wait(this.#memory.u64(at));
    let low = 0;
    let high = 0;
    if (count > 0) {
      for (const [index, handle] of this.#handles.entries()) {
        if (!this.#polled.happened(index)) continue;
        if (handle < 32) low |= 1 << handle;
        else high |= 1 << (handle - 32);
      }
    }
    view.setUint32(at + 8, low, true);
    view.setUint32(at + 12, high, true);
    view.setInt32(at + 16, count, true);
  }

  #block(at: number, write: boolean): void {
    const device = this.#blocks.get(this.#memory.u64(at));
    const offset = this.#memory.u64(at + 8);
    const length = this.#memory.u64(at + 24);
    if (device === undefined || !device.contains(offset, length)) {
      this.#memory.view.setInt32(at + 32, EINVAL, true);
      return;
    }
    const buffer = this.#buffer(this.#memory.u64(at + 16), length, !write);
    const what = write ? "writing" : "reading";
    try {
      const complete = write ? device.write(buffer, length, offset) : device.read(buffer, length, offset);
      if (!complete) this.#deviceError(what, "the block device has become shorter");
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#deviceError(what, error.message);
    }
    this.#memory.view.setInt32(at + 32, OK, true);
  }

  #netWrite(at: number): void {
    const tap = this.#networks.get(this.#memory.u64(at));
    if (tap === undefined) {
      this.#memory.view.setInt32(at + 24, EINVAL, true);
      return;
    }
    const length = this.#memory.u64(at + 16);
    const buffer = this.#buffer(this.#memory.u64(at + 8), length, false);
    try {
      tap.write(buffer, length);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#deviceError("writing", error.message);
    }
    this.#memory.view.setInt32(at + 24, OK, true);
  }

  #netRead(at: number): void {
    const tap = this.#networks.get(this.#memory.u64(at));
    if (tap === undefined) {
      this.#memory.view.setInt32(at + 24, EINVAL, true);
      return;
    }
    const capacity = this.#memory.u64(at + 16);
    const buffer = this.#buffer(this.#memory.u64(at + 8), capacity, true);
    let length: number | undefined;
    try {
      length = tap.read(buffer, capacity);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#deviceError("reading", error.message);
    }
    if (length !== undefined) this.#memory.setU64(at + 16, length);
    this.#memory.view.setInt32(at + 24, length === undefined ? AGAIN : OK, true);
  }

  #halt(at: number): never {
    // The cookie is for debuggers, and is only checked.
    const cookie = this.#memory.u64(at);
    if (cookie !== 0) this.#buffer(cookie, COOKIE_SIZE, false);
    return exitNow(this.#memory.view.getInt32(at + 8, true));
  }
}

/**
 * The part of Unicorn's C interface (version 2) that emulates an x86-64 CPU.
 *
 * @module
 */
import { type Callback, makeCallback, memoryAt, openLibrary } from "../../runtime/ffi.ts";
import { TenderError } from "./tender-error.ts";

function openUnicorn() {
  return openLibrary(["libunicorn.so.2"], {
    uc_version: { args: ["pointer", "pointer"], returns: "u32" },
    uc_open: { args: ["i32", "i32", "buffer"], returns: "i32" },
    uc_close: { args: ["pointer"], returns: "i32" },
    uc_strerror: { args: ["i32"], returns: "pointer" },
    uc_mem_map_ptr: { args: ["pointer", "u64", "u64", "u32", "pointer"], returns: "i32" },
    uc_reg_write: { args: ["pointer", "i32", "buffer"], returns: "i32" },
    uc_reg_read: { args: ["pointer", "i32", "buffer"], returns: "i32" },
    // Variadic: the instruction is the only argument that hooks on instructions take.
    uc_hook_add: {
      args: ["pointer", "buffer", "i32", "pointer", "pointer", "u64", "u64", "i32"],
      returns: "i32",
    },
    uc_emu_start: { args: ["pointer", "u64", "u64", "u64", "u64"], returns: "i32" },
  });
}

const ARCH_X86 = 4;
const MODE_64 = 8;
const HOOK_INSTRUCTION = 2;
const INSTRUCTION_IN = 218;
const INSTRUCTION_OUT = 500;
const LONGEST_ERROR_TEXT = 128;

/** Numbers of registers. */
export const Register = {
  cs: 11,
  ds: 17,
  es: 28,
  fs: 32,
  gs: 33,
  ss: 49,
  rax: 35,
  rdi: 39,
  rdx: 40,
  rip: 41,
  rsp: 44,
  cr0: 50,
  cr3: 53,
  cr4: 54,
  idtr: 242,
  gdtr: 243,
  msr: 248,
  rflags: 253,
} as const;

/** Rights of a mapping. */
export const UC_PROT_READ = 1;
export const UC_PROT_WRITE = 2;
export const UC_PROT_EXEC = 4;

/** An emulated CPU with its own view of memory. */
export class Engine {
  readonly #library: ReturnType<typeof openUnicorn>;
  readonly #handle: number;
  readonly #callbacks: Callback[] = [];
  readonly #value = new BigUint64Array(1);

  /**
   * @throws {LibraryError} if Unicorn is not installed
   * @throws {TenderError} if it cannot emulate this CPU
   */
  constructor() {
    this.#library = openUnicorn();
    this.#check("open an x86-64 CPU", this.#library.uc_open(ARCH_X86, MODE_64, this.#value));
    this.#handle = Number(this.#value[0]);
  }

  /** Such as `2.0.1`. */
  get version(): string {
    const packed = this.#library.uc_version(0, 0);
    return `${packed >>> 24}.${(packed >>> 16) & 0xff}.${(packed >>> 8) & 0xff}`;
  }

  /** Lets the guest see `size` bytes of this process at a guest-physical address. All in units of 4096 bytes. */
  map(guestAddress: number, size: number, rights: number, address: number): void {
    this.#check("map memory", this.#library.uc_mem_map_ptr(this.#handle, guestAddress, size, rights, address));
  }

  /** Sets a register of up to 64 bits. */
  write(register: number, value: number): void {
    this.#value[0] = BigInt(value);
    this.writeStructure(register, this.#value);
  }

  /** Sets a register that takes a structure. */
  writeStructure(register: number, structure: NodeJS.TypedArray): void {
    this.#check(`set register ${register}`, this.#library.uc_reg_write(this.#handle, register, structure));
  }

  /** Reads a register of up to 64 bits. */
  read(register: number): bigint {
    this.#value[0] = 0n;
    this.#check(`read register ${register}`, this.#library.uc_reg_read(this.#handle, register, this.#value));
    return this.#value[0];
  }

  /** Calls `write` for every OUT instruction and `read` for every IN. They must not throw. */
  hookPorts(
    write: (port: number, size: number, value: number) => void,
    read: (port: number, size: number) => number,
  ): void {
    const onOut = makeCallback(
      { args: ["pointer", "u32", "i32", "u32", "pointer"], returns: "void" },
      (_engine, port, size, value) => {
        write(Number(port), Number(size), Number(value));
        return undefined;
      },
    );
    this.#callbacks.push(onOut);
    const onIn = makeCallback({ args: ["pointer", "u32", "i32", "pointer"], returns: "u32" }, (_engine, port, size) =>
      read(Number(port), Number(size)),
    );
    this.#callbacks.push(onIn);
    const hooks = [
      [onOut, INSTRUCTION_OUT],
      [onIn, INSTRUCTION_IN],
    ] as const;
    for (const [callback, instruction] of hooks) {
      const { uc_hook_add } = this.#library;
      // Begin after end means everywhere.
      const result = uc_hook_add(this.#handle, this.#value, HOOK_INSTRUCTION, callback.pointer, 0, 1, 0, instruction);
      this.#check("hook port accesses", result);
    }
  }

  /**
   * Emulates from a guest address on.
   *
   * @returns why it stopped, in Unicorn's words, or `undefined` if the guest halted
   */
  run(from: bigint): string | undefined {
    // Address 0 is where emulation would end; no page is there, so a guest cannot use it otherwise.
    const result = this.#library.uc_emu_start(this.#handle, from, 0, 0, 0);
    return result === 0 ? undefined : this.#text(result);
  }

  /** Frees the engine and its callbacks. The memory that was mapped into it stays. */
  close(): void {
    this.#check("close the CPU", this.#library.uc_close(this.#handle));
    for (const callback of this.#callbacks) callback.close();
  }

  #check(what: string, result: number): void {
    if (result !== 0) throw new TenderError(`Unicorn: Cannot ${what}: ${this.#text(result)}`);
  }

  #text(error: number): string {
    const address = this.#library.uc_strerror(error);
    if (address === 0) return `error ${error}`;
    let text = "";
    for (let at = 0; at < LONGEST_ERROR_TEXT; at++) {
      const byte = memoryAt(address + at, 1)[0] ?? 0;
      if (byte === 0) break;
      text += String.fromCharCode(byte);
    }
    return text;
  }
}

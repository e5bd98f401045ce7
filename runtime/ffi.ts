/**
 * Foreign function calls, the same on Bun and Deno.
 *
 * Every call blocks the calling thread. Pointers are plain numbers (user-space addresses stay below 2^53), 0 is NULL.
 * C's `errno` has to be read by {@link errno} directly after the failing call, before anything else runs.
 *
 * @module
 */

/** `buffer` takes a typed array and passes its address; `pointer` takes and gives an address. */
export type FfiType = "void" | "i32" | "u32" | "i64" | "u64" | "pointer" | "buffer";

/** The C signature of a function. Variadic functions are declared with the arguments of the use. */
export interface Signature {
  readonly args: readonly FfiType[];
  readonly returns: Exclude<FfiType, "buffer">;
}

interface Values {
  void: undefined;
  i32: number;
  u32: number;
  i64: number | bigint;
  u64: number | bigint;
  pointer: number;
  buffer: NodeJS.TypedArray | null;
}

interface Results {
  void: undefined;
  i32: number;
  u32: number;
  /** A number where it is exact, a bigint beyond 2^53. */
  i64: number | bigint;
  u64: number | bigint;
  pointer: number;
}

type Arguments<T extends readonly FfiType[]> = { readonly [I in keyof T]: Values[T[I]] };

/** The functions of an opened library. */
export type Functions<S extends Record<string, Signature>> = {
  readonly [K in keyof S]: (...args: Arguments<S[K]["args"]>) => Results[S[K]["returns"]];
};

/** No candidate library could be opened, or it lacks a function. */
export class LibraryError extends Error {
  override readonly name = "LibraryError";
}

/** A function that C may call back on the calling thread. Close it when C no longer holds it. */
export interface Callback {
  /** Address of the C function. */
  readonly pointer: number;
  close(): void;
}

interface Adapter {
  open(name: string, symbols: Record<string, Signature>): Record<string, unknown>;
  view(pointer: number, length: number): Uint8Array;
  address(buffer: NodeJS.TypedArray): number;
  callback(signature: Signature, call: (...args: (number | bigint)[]) => number | undefined): Callback;
}

async function bunAdapter(): Promise<Adapter> {
  const ffi = await import("bun:ffi");
  // `*_fast` gives numbers where they are exact, as our contract says.
  const result = (type: FfiType) =>
    type === "i64" ? "i64_fast" : type === "u64" ? "u64_fast" : type === "pointer" ? "ptr" : type;
  const argument = (type: FfiType) => (type === "buffer" || type === "pointer" ? "ptr" : type);
  return {
    open(name, symbols) {
      const definition: Record<
        string,
        { args: import("bun:ffi").FFITypeOrString[]; returns: import("bun:ffi").FFITypeOrString }
      > = {};
      for (const [symbol, { args, returns }] of Object.entries(symbols)) {
        definition[symbol] = {
          args: args.map(argument) as import("bun:ffi").FFITypeOrString[],
          returns: result(returns) as import("bun:ffi").FFITypeOrString,
        };
      }
      const functions: Record<string, unknown> = { ...ffi.dlopen(name, definition).symbols };
      for (const [symbol, { returns }] of Object.entries(symbols)) {
        if (returns !== "pointer") continue;
        const call = functions[symbol] as (...args: unknown[]) => number | null;
        functions[symbol] = (...args: unknown[]) => call(...args) ?? 0; // Bun gives null for NULL
      }
      return functions;
    },
    view: (pointer, length) => new Uint8Array(ffi.toArrayBuffer(pointer as import("bun:ffi").Pointer, 0, length)),
    address: (buffer) => ffi.ptr(buffer),
    callback(signature, call) {
      const made = new ffi.JSCallback(call, {
        args: signature.args.map(argument) as import("bun:ffi").FFITypeOrString[],
        returns: argument(signature.returns) as import("bun:ffi").FFITypeOrString,
      });
      return { pointer: Number(made.ptr), close: () => made.close() };
    },
  };
}

/** The part of Deno that is used here; naming it avoids two clashing sets of global types. */
interface DenoFfi {
  dlopen(
    name: string,
    symbols: Record<string, { parameters: string[]; result: string }>,
  ): {
    symbols: Record<string, (...args: unknown[]) => unknown>;
  };
  UnsafePointer: { create(value: bigint): unknown; value(pointer: unknown): bigint; of(buffer: unknown): unknown };
  UnsafePointerView: new (pointer: unknown) => { getArrayBuffer(length: number): ArrayBuffer };
  UnsafeCallback: new (
    definition: { parameters: string[]; result: string },
    call: (...args: unknown[]) => unknown,
  ) => { pointer: unknown; close(): void };
}

function denoAdapter(deno: DenoFfi): Adapter {
  const toPointer = (value: number) => (value === 0 ? null : deno.UnsafePointer.create(BigInt(value)));
  const fromPointer = (value: unknown) => (value === null ? 0 : Number(deno.UnsafePointer.value(value)));
  const narrow = (value: unknown) => {
    const wide = BigInt(value as number | bigint);
    return wide >= BigInt(Number.MIN_SAFE_INTEGER) && wide <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(wide) : wide;
  };
  return {
    open(name, symbols) {
      const definition: Record<string, { parameters: string[]; result: string }> = {};
      for (const [symbol, { args, returns }] of Object.entries(symbols)) {
        definition[symbol] = { parameters: [...args], result: returns };
      }
      const raw = deno.dlopen(name, definition).symbols;
      const functions: Record<string, unknown> = {};
      for (const [symbol, { args, returns }] of Object.entries(symbols)) {
        const call = raw[symbol];
        if (call === undefined) continue;
        functions[symbol] = (...values: unknown[]) => {
          const converted = values.map((value, at) => {
            const type = args[at];
            if (type === "pointer") return toPointer(value as number);
            return type === "i64" || type === "u64" ? BigInt(value as number | bigint) : value;
          });
          const outcome = call(...converted);
          if (returns === "pointer") return fromPointer(outcome);
          return returns === "i64" || returns === "u64" ? narrow(outcome) : outcome;
        };
      }
      return functions;
    },
    view: (pointer, length) => new Uint8Array(new deno.UnsafePointerView(toPointer(pointer)).getArrayBuffer(length)),
    address: (buffer) => fromPointer(deno.UnsafePointer.of(buffer)),
    callback(signature, call) {
      const made = new deno.UnsafeCallback(
        { parameters: [...signature.args], result: signature.returns },
        (...values: unknown[]) =>
          call(...values.map((value, at) => (signature.args[at] === "pointer" ? fromPointer(value) : narrow(value)))),
      );
      return { pointer: fromPointer(made.pointer), close: () => made.close() };
    },
  };
}

async function chooseAdapter(): Promise<Adapter> {
  if (typeof Bun !== "undefined") return await bunAdapter();
  const deno = (globalThis as { Deno?: DenoFfi }).Deno;
  if (deno !== undefined) return denoAdapter(deno);
  throw new LibraryError("Cannot call C functions: neither Bun nor Deno runs this program. Run it by one of them");
}

const adapter = await chooseAdapter();

/** What has been opened. Each time a library is opened costs memory that the runtime never gives back. */
const opened = new Map<string, unknown>();

/**
 * Opens the first library of `names` that can be opened and has all `symbols`, or gives what was opened before.
 *
 * @throws {LibraryError} naming every candidate, with the last failure as `cause`
 */
export function openLibrary<const S extends Record<string, Signature>>(
  names: readonly string[],
  symbols: S,
): Functions<S> {
  const key = JSON.stringify([names, symbols]);
  const known = opened.get(key);
  if (known !== undefined) return known as Functions<S>;
  let cause: unknown;
  for (const name of names) {
    try {
      const functions = adapter.open(name, symbols) as Functions<S>;
      opened.set(key, functions);
      return functions;
    } catch (error) {
      cause = error;
    }
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  throw new LibraryError(`Cannot open the library ${names.join(" or ")}: ${reason}`, { cause });
}

/** The C library. */
export const libcNames: readonly string[] =
  process.platform === "linux"
    ? ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`]
    : ["libc.so.7"];

/** The memory at an address. It must stay mapped as long as the view is used. */
export function memoryAt(pointer: number, length: number): Uint8Array {
  return adapter.view(pointer, length);
}

/**
 * The address of a typed array's memory; valid while the array is referenced. Bun moves a small one when its `buffer` is
 * asked for the first time, also by a `subarray` or a view: what needs one makes it before.
 */
export function addressOf(buffer: NodeJS.TypedArray): number {
  return adapter.address(buffer);
}

/** Makes a C function of `call`, for C code that calls back on the same thread. */
export function makeCallback(
  signature: Signature,
  call: (...args: (number | bigint)[]) => number | undefined,
): Callback {
  return adapter.callback(signature, call);
}

const errnoAddress =
  process.platform === "linux"
    ? openLibrary(libcNames, { __errno_location: { args: [], returns: "pointer" } }).__errno_location()
    : openLibrary(libcNames, { __error: { args: [], returns: "pointer" } }).__error();

/**
 * Where this thread has its `errno`. Looked up once: a call or an allocation between the failed call and the look could
 * make the runtime collect garbage, whose own calls overwrite the number.
 */
const errnoPlace = new DataView(memoryAt(errnoAddress, 4).buffer);

/** C's `errno` of this thread: only meaningful directly after a call that failed. */
export function errno(): number {
  return errnoPlace.getInt32(0, true);
}

/** A zero-terminated copy of `text` for C. */
export function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

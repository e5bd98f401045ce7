/**
 * Tiny guests for the tender's tests, assembled here byte by byte: a sequence of hypercalls with prepared structures.
 *
 * A guest prints what it got to its console, where the test reads it.
 *
 * @module
 */

const TEXT_ADDRESS = 0x100000;
const DATA_ADDRESS = 0x120000;
const TEXT_OFFSET = 0x1000;
const HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const ENTRY_SIZE = 104;

/** Numbers of the hypercalls. */
export const Call = {
  walltime: 1,
  puts: 2,
  poll: 3,
  blockWrite: 4,
  blockRead: 5,
  netWrite: 6,
  netRead: 7,
  halt: 8,
} as const;

/** A device in the manifest. Types: 1 block, 2 network. */
export interface GuestDevice {
  readonly name: string;
  readonly type: number;
}

/** A program header of the built image, to make malformed ones. */
export interface Segment {
  type: number;
  flags: number;
  offset: number | bigint;
  vaddr: number | bigint;
  filesz: number | bigint;
  memsz: number | bigint;
  align: number | bigint;
}

/** Assembles one guest. */
export class Guest {
  readonly #code: number[] = [];
  readonly #data: number[] = [];
  readonly #devices: readonly GuestDevice[];

  constructor(devices: readonly GuestDevice[] = []) {
    this.#devices = devices;
  }

  /** Appends machine code, as hexadecimal digits and blanks. */
  hex(digits: string): this {
    const packed = digits.replaceAll(/\s/g, "");
    for (let at = 0; at < packed.length; at += 2) this.#code.push(Number.parseInt(packed.slice(at, at + 2), 16));
    return this;
  }

  #number(value: number | bigint, bytes: number): this {
    let rest = BigInt.asUintN(8 * bytes, BigInt(value));
    for (let at = 0; at < bytes; at++, rest >>= 8n) this.#code.push(Number(rest & 0xffn));
    return this;
  }

  /** Appends `rax -> [address]`, or another of the 16 general registers. */
  storeRegister(register: number, address: number): this {
    this.#code.push(register < 8 ? 0x48 : 0x4c, 0x89, ((register & 7) << 3) | 4, 0x25);
    return this.#number(address, 4);
  }

  /** Appends a store of a constant; uses rax. */
  store64(address: number, value: number | bigint): this {
    return this.hex("48b8").#number(value, 8).storeRegister(0, address);
  }

  /** Appends an `out` of 4 bytes; uses rax and rdx. */
  out(port: number, value: number): this {
    return this.hex("ba").#number(port, 4).hex("b8").#number(value, 4).hex("ef");
  }

  /** The address of the next instruction. */
  get here(): number {
    return TEXT_ADDRESS + this.#code.length;
  }

  /** Appends a jump. */
  jump(target: number): this {
    return this.hex("e9").#number(target - (this.here + 4), 4);
  }

  /** Appends a jump that is taken if the 4 bytes at an address have another value. */
  jumpUnless32(address: number, value: number, target: number): this {
    this.hex("813c25").#number(address, 4).#number(value, 4).hex("0f85");
    return this.#number(target - (this.here + 4), 4);
  }

  /** Puts bytes into the data segment; gives their address, a multiple of 16. */
  data(bytes: ArrayLike<number>): number {
    while (this.#data.length % 16 !== 0) this.#data.push(0);
    const address = DATA_ADDRESS + this.#data.length;
    for (let at = 0; at < bytes.length; at++) this.#data.push(bytes[at] ?? 0);
    return address;
  }

  /** Puts a structure of u64 fields into the data segment. */
  structure(...fields: readonly (number | bigint)[]): number {
    return this.data(new Uint8Array(BigUint64Array.from(fields, (field) => BigInt.asUintN(64, BigInt(field))).buffer));
  }

  /** Appends a hypercall with a structure of these u64 fields; gives the structure's address. */
  call(number: number, ...fields: readonly (number | bigint)[]): number {
    const at = this.structure(...fields);
    this.out(0x500 + number, at);
    return at;
  }

  /** Appends printing memory. */
  print(address: number, length: number): this {
    this.call(Call.puts, address, length);
    return this;
  }

  /** Appends the end. */
  halt(status = 0): this {
    this.call(Call.halt, 0, status);
    return this;
  }

  /** The executable; `change` may spoil its program headers. */
  build(change?: (segments: Record<"text" | "data" | "abi" | "manifest", Segment>) => void): Uint8Array {
    const abi = note(0x31494241, new Uint8Array(new Uint32Array([1, 2, 0, 0]).buffer));
    const manifest = note(0x3154464d, this.#manifest());
    const dataOffset = TEXT_OFFSET + pages(this.#code.length);
    const abiOffset = dataOffset + pages(this.#data.length);
    const manifestOffset = abiOffset + 64;
    const load = (vaddr: number, flags: number, offset: number, size: number): Segment => {
      return { type: 1, flags, offset, vaddr, filesz: size, memsz: size, align: 0x1000 };
    };
    const noteSegment = (offset: number, size: number): Segment => {
      return { type: 4, flags: 4, offset, vaddr: 0, filesz: size, memsz: size, align: 8 };
    };
    const segments = {
      text: load(TEXT_ADDRESS, 5, TEXT_OFFSET, Math.max(1, this.#code.length)),
      data: load(DATA_ADDRESS, 6, dataOffset, Math.max(1, this.#data.length)),
      abi: noteSegment(abiOffset, abi.length),
      manifest: noteSegment(manifestOffset, manifest.length),
    };
    change?.(segments);
    const image = new Uint8Array(manifestOffset + manifest.length);
    writeHeader(image, Object.values(segments));
    image.set(this.#code, TEXT_OFFSET);
    image.set(this.#data, dataOffset);
    image.set(abi, abiOffset);
    image.set(manifest, manifestOffset);
    return image;
  }

  /** Descriptor of the manifest note, with its padding. */
  #manifest(): Uint8Array {
    const entries = [{ name: "", type: 0x40000000 }, ...this.#devices];
    const bytes = new Uint8Array(12 + ENTRY_SIZE * entries.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(4, 1, true);
    view.setUint32(8, entries.length, true);
    for (const [index, { name, type }] of entries.entries()) {
      bytes.set(new TextEncoder().encode(name), 12 + ENTRY_SIZE * index);
      view.setUint32(12 + ENTRY_SIZE * index + 68, type, true);
    }
    return bytes;
  }
}

function pages(size: number): number {
  return Math.ceil(Math.max(1, size) / 0x1000) * 0x1000;
}

function note(type: number, descriptor: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(20 + descriptor.length);
  new Uint32Array(bytes.buffer, 0, 3).set([6, descriptor.length, type]);
  bytes.set(new TextEncoder().encode("Solo5"), 12);
  bytes.set(descriptor, 20);
  return bytes;
}

function writeHeader(image: Uint8Array, segments: readonly Segment[]): void {
  const view = new DataView(image.buffer);
  image.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(0x10, 2, true);
  view.setUint16(0x12, 62, true);
  view.setUint32(0x14, 1, true);
  view.setBigUint64(0x18, BigInt(TEXT_ADDRESS), true);
  view.setBigUint64(0x20, BigInt(HEADER_SIZE), true);
  view.setUint16(0x34, HEADER_SIZE, true);
  view.setUint16(0x36, PROGRAM_HEADER_SIZE, true);
  view.setUint16(0x38, segments.length, true);
  for (const [index, segment] of segments.entries()) {
    const at = HEADER_SIZE + PROGRAM_HEADER_SIZE * index;
    const { offset, vaddr, filesz, memsz, align } = segment;
    view.setUint32(at, segment.type, true);
    view.setUint32(at + 4, segment.flags, true);
    for (const [field, value] of [offset, vaddr, vaddr, filesz, memsz, align].entries()) {
      view.setBigUint64(at + 8 + 8 * field, BigInt(value), true);
    }
  }
}

/**
 * The manifest: which devices a guest wants, and, once attached, what they are.
 *
 * The guest gets a copy of the very bytes, with the fields filled in that describe the attached devices.
 *
 * @module
 */
import { TenderError } from "./tender-error.ts";

const ENTRY_SIZE = 104;
const HEADER_SIZE = 8;
const NAME_SIZE = 68;
const AT_TYPE = 68;
const AT_UNION = 72;
const AT_HOST = 88;
const AT_ATTACHED = 96;
const TYPE_RESERVED = 0x40000000;

/** Most entries a manifest may have; the first one is reserved. */
export const MANIFEST_ENTRY_LIMIT = 64;

/** Types of devices. */
export const TYPE_BLOCK = 1;
export const TYPE_NET = 2;

/** The name of a type, for messages. */
const typeNames: ReadonlyMap<number, string> = new Map([
  [TYPE_BLOCK, "BLOCK_BASIC"],
  [TYPE_NET, "NET_BASIC"],
]);

/** The manifest of the guest that is to run. An entry's index is the handle the guest uses. */
export class Manifest {
  /** What the guest will see. */
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #count: number;

  /** @throws {TenderError} if the bytes are not a manifest (solo5-abi.md 4) */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#count = bytes.length >= HEADER_SIZE ? this.#view.getUint32(4, true) : 0;
    if (!this.#valid()) throw new TenderError("Solo5 manifest is invalid");
  }

  #valid(): boolean {
    if (this.#count < 1 || this.#count > MANIFEST_ENTRY_LIMIT) return false;
    if (this.#view.getUint32(0, true) !== 1) return false;
    if (this.bytes.length !== HEADER_SIZE + ENTRY_SIZE * this.#count) return false;
    for (let index = 0; index < this.#count; index++) {
      if (this.bytes[this.#at(index) + NAME_SIZE - 1] !== 0) return false;
      if (this.bytes[this.#at(index) + AT_ATTACHED] !== 0) return false;
    }
    return this.#type(0) === TYPE_RESERVED && this.bytes[this.#at(0)] === 0;
  }

  #at(index: number): number {
    return HEADER_SIZE + ENTRY_SIZE * index;
  }

  #type(index: number): number {
    return this.#view.getUint32(this.#at(index) + AT_TYPE, true);
  }

  #name(index: number): string {
    const field = this.bytes.subarray(this.#at(index), this.#at(index) + NAME_SIZE);
    return new TextDecoder().decode(field.subarray(0, field.indexOf(0)));
  }

  /** The handle of the first device with this name and type, or `undefined`. */
  find(name: string, type: number): number | undefined {
    for (let index = 1; index < this.#count; index++) {
      if (this.#type(index) === type && this.#name(index) === name) return index;
    }
    return undefined;
  }

  /** The MAC address given so far; all zero if none was. */
  mac(handle: number): Uint8Array {
    return this.bytes.subarray(this.#at(handle) + AT_UNION, this.#at(handle) + AT_UNION + 6);
  }

  /** Gives a network its MAC address. */
  setMac(handle: number, mac: Uint8Array): void {
    this.bytes.set(mac, this.#at(handle) + AT_UNION);
  }

  /** Marks a network as attached. `mtu` in bytes. */
  attachNetwork(handle: number, descriptor: number, mtu: number): void {
    this.#view.setUint16(this.#at(handle) + AT_UNION + 6, mtu, true);
    this.#attach(handle, descriptor);
  }

  /** Marks a block device as attached. `capacity` and `sectorSize` in bytes. */
  attachBlock(handle: number, descriptor: number, capacity: number, sectorSize: number): void {
    this.#view.setBigUint64(this.#at(handle) + AT_UNION, BigInt(capacity), true);
    this.#view.setUint16(this.#at(handle) + AT_UNION + 8, sectorSize, true);
    this.#attach(handle, descriptor);
  }

  #attach(handle: number, descriptor: number): void {
    this.#view.setBigInt64(this.#at(handle) + AT_HOST, BigInt(descriptor), true);
    this.bytes[this.#at(handle) + AT_ATTACHED] = 1;
  }

  /** Which devices are declared and not attached, one line each. Reserved entries are no devices. */
  missing(): string[] {
    const lines: string[] = [];
    for (let index = 1; index < this.#count; index++) {
      if (this.bytes[this.#at(index) + AT_ATTACHED] === 1 || this.#type(index) >= TYPE_RESERVED) continue;
      const type = typeNames.get(this.#type(index)) ?? `0x${this.#type(index).toString(16)}`;
      lines.push(`Device '${this.#name(index)}' of type ${type} declared but not attached.`);
    }
    return lines;
  }
}

/**
 * Attaching devices to the entries of the manifest.
 *
 * @module
 */
import { BlockDevice, DEFAULT_SECTOR_SIZE, SECTOR_SIZE_LIMIT } from "./block-device.ts";
import { complain } from "./console.ts";
import type { Devices } from "./hypercalls.ts";
import { libc } from "./libc.ts";
import { type Manifest, TYPE_BLOCK, TYPE_NET } from "./manifest.ts";
import type { DeviceOptions } from "./options.ts";
import { randomMac, Tap } from "./tap.ts";
import { TenderError } from "./tender-error.ts";

/** Devices that are opened while options are read. */
export class Attachments implements DeviceOptions {
  readonly #manifest: Manifest;
  readonly #taps = new Map<number, Tap>();
  readonly #blocks = new Map<number, { readonly name: string; readonly device: BlockDevice }>();
  readonly #sectorSizes = new Map<number, number>();

  constructor(manifest: Manifest) {
    this.#manifest = manifest;
  }

  #handle(name: string, type: number): number {
    const handle = this.#manifest.find(name, type);
    if (handle === undefined) throw new TenderError(`Resource not declared in manifest: '${name}'`);
    return handle;
  }

  network(name: string, interfaceName: string): void {
    const handle = this.#handle(name, TYPE_NET);
    const previous = this.#taps.get(handle);
    if (previous !== undefined) libc.close(previous.descriptor);
    this.#taps.set(handle, new Tap(interfaceName));
  }

  mac(name: string, mac: Uint8Array): void {
    this.#manifest.setMac(this.#handle(name, TYPE_NET), mac);
  }

  block(name: string, path: string): void {
    const handle = this.#handle(name, TYPE_BLOCK);
    const previous = this.#blocks.get(handle);
    if (previous !== undefined) libc.close(previous.device.descriptor);
    this.#blocks.set(handle, { name, device: new BlockDevice(path) });
  }

  sectorSize(name: string, size: number): void {
    const handle = this.#handle(name, TYPE_BLOCK);
    const isPowerOfTwo = size < SECTOR_SIZE_LIMIT && (size & (size - 1)) === 0;
    if (size < DEFAULT_SECTOR_SIZE || !isPowerOfTwo) {
      throw new TenderError("Block size must be a multiple of 2 greater than or equal 512");
    }
    this.#sectorSizes.set(handle, size);
  }

  /**
   * Fills the manifest in, when all options have been read.
   *
   * @throws {TenderError} if a device is missing or does not fit
   */
  finish(): Devices {
    for (const [handle, { name, device }] of this.#blocks) {
      const sectorSize = this.#sectorSizes.get(handle) ?? DEFAULT_SECTOR_SIZE;
      device.checkSectorSize(name, sectorSize);
      this.#manifest.attachBlock(handle, device.descriptor, device.capacity, sectorSize);
    }
    for (const [handle, tap] of this.#taps) {
      if (this.#manifest.mac(handle).every((byte) => byte === 0)) {
        this.#manifest.setMac(handle, randomMac(crypto.getRandomValues(new Uint8Array(6))));
      }
      this.#manifest.attachNetwork(handle, tap.descriptor, tap.mtu);
    }
    const missing = this.#manifest.missing();
    if (missing.length > 0) {
      for (const line of missing) complain(line);
      throw new TenderError("All declared devices must be attached. See --help for syntax.");
    }
    return { blocks: new Map([...this.#blocks].map(([handle, { device }]) => [handle, device])), networks: this.#taps };
  }
}

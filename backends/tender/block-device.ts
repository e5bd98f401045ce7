/**
 * Block devices: files or devices of the host, attached by `--block:NAME=PATH`.
 *
 * @module
 */
import { cString } from "../../runtime/ffi.ts";
import { O_RDWR, openFile, readFully, SystemError, sizeOf, writeFully } from "./libc.ts";
import { TenderError } from "./tender-error.ts";

/** Sector size if none is given, in bytes. */
export const DEFAULT_SECTOR_SIZE = 512;
/** Sector sizes are powers of two from {@link DEFAULT_SECTOR_SIZE} to below this limit. */
export const SECTOR_SIZE_LIMIT = 65536;

/** An open backing file. */
export class BlockDevice {
  readonly descriptor: number;
  /** Bytes. */
  readonly capacity: number;

  /** @throws {TenderError} if it cannot be opened for reading and writing */
  constructor(path: string) {
    try {
      this.descriptor = openFile(cString(path), O_RDWR);
      this.capacity = sizeOf(this.descriptor);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      throw new TenderError(`Could not open block device: ${path}: ${error.message}`, { cause: error });
    }
  }

  /** @throws {TenderError} if it does not consist of whole sectors. `name` is the device's. */
  checkSectorSize(name: string, sectorSize: number): void {
    if (this.capacity % sectorSize !== 0) {
      throw new TenderError(`${name}: Backing storage size must be block aligned (${sectorSize} bytes)`);
    }
    if (this.capacity < sectorSize) {
      throw new TenderError(`${name}: Backing storage must be at least 1 block (${sectorSize} bytes) in size`);
    }
  }

  /** Whether the range is within the device. Both may be any number from 0 on. */
  contains(offset: number, length: number): boolean {
    return offset < this.capacity && offset + length <= this.capacity;
  }

  /** Reads to an address of this process. @throws {SystemError}; `false` if the file has become shorter */
  read(address: number, length: number, offset: number): boolean {
    return readFully(this.descriptor, address, length, offset) === length;
  }

  /** Writes from an address of this process. @throws {SystemError}; `false` if the file takes no more */
  write(address: number, length: number, offset: number): boolean {
    return writeFully(this.descriptor, address, length, offset) === length;
  }
}

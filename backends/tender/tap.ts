/**
 * Network devices: taps of the host, attached by `--net:NAME=IFACE` (solo5-abi.md 5.5).
 *
 * @module
 */
import { addressOf, cString, errno } from "../../runtime/ffi.ts";
import { DOUBTS_MAX, EAGAIN, EINTR, libc, O_NONBLOCK, O_RDWR, openFile, SystemError } from "./libc.ts";
import { TenderError } from "./tender-error.ts";
import { waitUntilWritable } from "./wait.ts";

const TUNSETIFF = 0x400454ca;
const IFF_TAP_NO_PI = 0x1002;
const SIOCGIFFLAGS = 0x8913;
const SIOCGIFMTU = 0x8921;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_SGSO = 0x24;
const ETHTOOL_SGRO = 0x2c;
const IFF_UP = 1;
const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const REQUEST_SIZE = 40;
const INTERFACE_NAME_SIZE = 16;

const EINVAL = 22;
const ENAMETOOLONG = 36;
const ENETDOWN = 100;

/** An attached tap. */
export class Tap {
  readonly descriptor: number;
  /** Bytes. */
  readonly mtu: number;

  /** @throws {TenderError} if there is no such tap, or it is down, or in use */
  constructor(name: string) {
    try {
      if (new TextEncoder().encode(name).length >= INTERFACE_NAME_SIZE) throw new SystemError(ENAMETOOLONG);
      this.mtu = inspectInterface(name);
      this.descriptor = attach(name);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      throw new TenderError(`Could not attach interface: ${name}: ${error.message}`, { cause: error });
    }
  }

  /**
   * Reads one frame to an address of this process.
   *
   * @returns its length, or `undefined` if there is none, or no room for any of it: the frame is lost then
   * @throws {SystemError}
   */
  read(address: number, capacity: number): number | undefined {
    for (let doubts = 0; ; ) {
      const count = Number(libc.read(this.descriptor, address, capacity));
      if (count > 0) return count;
      const number = count === 0 ? EAGAIN : errno();
      if (number === EAGAIN) return undefined;
      if (number !== EINTR && ++doubts > DOUBTS_MAX) throw new SystemError(number);
    }
  }

  /** Sends one frame. @throws {SystemError} if the tap refuses it */
  write(address: number, length: number): void {
    for (let doubts = 0; ; ) {
      const count = Number(libc.write(this.descriptor, address, length));
      if (count >= 0) return; // a tap takes a frame as a whole or not at all
      const number = errno();
      if (number === EAGAIN) waitUntilWritable(this.descriptor);
      else if (number !== EINTR && ++doubts > DOUBTS_MAX) throw new SystemError(number);
    }
  }
}

/** `struct ifreq` with a name. */
function interfaceRequest(name: string): Uint8Array {
  const request = new Uint8Array(REQUEST_SIZE);
  request.set(cString(name));
  return request;
}

/** Checks that the interface is up, switches off what joins frames, and gives its MTU. @throws {SystemError} */
function inspectInterface(name: string): number {
  const socket = libc.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
  if (socket < 0) throw new SystemError();
  try {
    const request = interfaceRequest(name);
    const view = new DataView(request.buffer);
    if (libc.ioctl(socket, SIOCGIFFLAGS, addressOf(request)) < 0) throw noSuchInterface();
    if ((view.getUint16(INTERFACE_NAME_SIZE, true) & IFF_UP) === 0) throw new SystemError(ENETDOWN);
    if (libc.ioctl(socket, SIOCGIFMTU, addressOf(request)) < 0) throw new SystemError();
    const mtu = view.getInt32(INTERFACE_NAME_SIZE, true);
    for (const command of [ETHTOOL_SGRO, ETHTOOL_SGSO]) {
      const value = new Uint32Array([command, 0]);
      view.setBigUint64(INTERFACE_NAME_SIZE, BigInt(addressOf(value)), true);
      // Best effort: where it fails, frames are not joined anyway or the guest copes.
      libc.ioctl(socket, SIOCETHTOOL, addressOf(request));
    }
    return mtu;
  } finally {
    libc.close(socket);
  }
}

const ENOENT = 2;
const ENODEV = 19;

/** The reason of a failed look-up, with the wording of the original for an unknown interface. */
function noSuchInterface(): SystemError {
  const number = errno();
  return new SystemError(number === ENODEV ? ENOENT : number);
}

/** Opens the tap. @throws {SystemError} */
function attach(name: string): number {
  const descriptor = openFile(cString("/dev/net/tun"), O_RDWR | O_NONBLOCK);
  const request = interfaceRequest(name);
  new DataView(request.buffer).setUint16(INTERFACE_NAME_SIZE, IFF_TAP_NO_PI, true);
  const result = libc.ioctl(descriptor, TUNSETIFF, addressOf(request));
  const number = result < 0 ? errno() : 0;
  const attached = new TextDecoder().decode(request.subarray(0, INTERFACE_NAME_SIZE)).replace(/\0.*$/s, "");
  if (result >= 0 && attached === name) return descriptor;
  libc.close(descriptor);
  // A name with a format directive makes the kernel attach another interface.
  throw new SystemError(result < 0 ? number : EINVAL);
}

/** A random address for a network without a given one: locally administered, not a group (solo5-abi.md 5). */
export function randomMac(random: Uint8Array): Uint8Array {
  const mac = random.slice(0, 6);
  mac[0] = ((mac[0] ?? 0) & 0xfe) | 2;
  return mac;
}
